//! What a session's cookie holds, sealed: who signed in, when, and the claims that rules read. No token, and nothing that
//! anybody else can read.

use std::hash::BuildHasher;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::fast::FixedState;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::Denial;
use mfa_gateway_core::token::{Claims, Keep, Validity};
use mfa_gateway_store::Sealer;
use serde::{Deserialize, Serialize};

use super::id::SessionId;
use super::transaction::is_zero;
use crate::oidc::TenantId;

/// A cookie is shorter than this, with its name.
pub(super) const MAX_COOKIE: usize = 2048;

/// How soon after a sign-in to one tenant the next to another counts as a round of a loop, in milliseconds.
const ROUND_MILLIS: i64 = 20_000;

/// How many may follow one another. Somebody who works for several customers makes a few; two pages that lead to each other
/// never stop.
const MAX_HOPS: u32 = 8;

/// The content of a session's cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The session.
    #[serde(rename = "i")]
    pub id: SessionId,
    /// When it began, in milliseconds.
    #[serde(rename = "b")]
    pub created: i64,
    /// When it ends at the latest, in milliseconds.
    #[serde(rename = "x")]
    pub expires: i64,
    /// When this record was made, in milliseconds.
    #[serde(rename = "m")]
    pub made: i64,
    /// One more with each refresh.
    #[serde(rename = "g")]
    pub generation: u32,
    /// Stands for the list of claims that were kept.
    #[serde(rename = "v")]
    pub vocabulary: u64,
    /// The claims, as a JSON object.
    #[serde(rename = "c")]
    pub claims: String,
    /// When the tokens of the session are to be refreshed, in milliseconds.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<i64>,
    /// The last step-up that brought no MFA.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Tried>,
    /// When a step-up succeeded, in milliseconds: another one a moment later would be a loop.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub stepped_up: Option<i64>,
    /// Whether its claims are too long for a cookie: the next generation, in the store, has them.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stub: bool,
    /// The tenant that the sign-in was sent to, if it was: so are step-ups and refreshes.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// How many sign-ins before it, one right after the other, were to another tenant each.
    #[serde(rename = "h", default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

/// A step-up, or a sign-in to a tenant, that didn't bring what was asked for. While it is recent, nobody is sent on another
/// trip by himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// When, in milliseconds.
    #[serde(rename = "a")]
    pub at: i64,
    /// How recent the sign-in had to be, in seconds, if it had to be.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// The stable code of what came back.
    #[serde(rename = "c")]
    pub came: String,
    /// What the ID token said of how and when the user signed in: claims and their values, cut.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<(String, String)>,
    /// The tenant that it was in.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

impl Tried {
    /// Whether it was in vain for a page of this tenant and this `max_age`, too: one that brought no MFA was for every page
    /// of the tenant, and one that brought no recent sign-in for those that want it as recent, or more.
    #[must_use]
    pub fn was_for(&self, tenant: Option<TenantId>, max_age: Option<u64>) -> bool {
        if self.tenant != tenant {
            return false;
        }
        if self.came != Denial::AuthenticationStale.code() {
            return true;
        }
        max_age.is_some_and(|max_age| self.max_age.is_none_or(|tried| max_age <= tried))
    }
}

/// Which claims are kept, in one number: what was kept by another vocabulary has to be read anew.
#[must_use]
pub(super) fn vocabulary(wanted: &[Keep]) -> u64 {
    // The number stands in cookies, so that it must be the same in every process.
    FixedState::with_seed(1).hash_one(format!("{wanted:?}"))
}

impl Record {
    /// The cookie's value; `None` if it would be too long for one.
    #[must_use]
    pub fn seal(&self, sealer: &Sealer, context: &[u8]) -> Option<String> {
        let text = serde_json::to_vec(self).ok()?;
        let value = URL_SAFE_NO_PAD.encode(sealer.seal(context, &text));
        (value.len() + 64 < MAX_COOKIE).then_some(value)
    }

    /// What a cookie has of a record that is too long for it. Only one that the store has can be left there.
    pub(super) fn stub(&self) -> Option<Self> {
        let generation = self.generation.checked_sub(1)?;
        Some(Self { claims: "{}".to_owned(), generation, is_stub: true, ..self.clone() })
    }

    /// Reads a cookie's value, if it was sealed for the same context.
    #[must_use]
    pub fn open(value: &str, sealer: &Sealer, context: &[u8]) -> Option<Arc<Self>> {
        if value.len() > MAX_COOKIE {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let text = sealer.open(context, &bytes)?;
        serde_json::from_slice::<Self>(&text).ok().map(Arc::new)
    }

    /// The claims.
    pub(super) fn kept(&self) -> Option<Claims> {
        Claims::restore(self.claims.clone(), Validity::until(self.expires()))
    }

    /// When it began.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        Timestamp::from_millis(self.created)
    }

    /// How many sign-ins to other tenants one now would follow.
    pub(super) fn hops_after(&self, now: i64) -> u32 {
        if now - self.created < ROUND_MILLIS { self.hops.saturating_add(1) } else { 0 }
    }

    /// Whether pages of different tenants send the browser round and round.
    #[must_use]
    pub fn hops_in_a_loop(&self, now: Timestamp) -> bool {
        self.hops_after(now.as_millis()) > MAX_HOPS
    }

    /// When it ends at the latest.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_millis(self.expires)
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_store::SealingKeys;

    use super::*;

    fn record(claims: String) -> Record {
        Record {
            id: SessionId::random().unwrap(),
            created: 1,
            expires: 2,
            made: 1,
            generation: 0,
            vocabulary: vocabulary(&[Keep::whole("amr")]),
            claims,
            refresh_at: Some(3),
            tried: Some(Tried {
                at: 1,
                max_age: Some(60),
                came: "mfa_missing".to_owned(),
                returned: Vec::new(),
                tenant: None,
            }),
            stepped_up: None,
            is_stub: false,
            tenant: None,
            hops: 0,
        }
    }

    #[test]
    fn p23_a_cookie_is_short_or_there_is_none_and_nothing_is_readable_in_it() {
        let sealer = Sealer::new(&SealingKeys::random(), "session", b"");
        let one = record(r#"{"amr":["pwd","mfa"],"preferred_username":"jane@contoso.example"}"#.to_owned());
        let value = one.seal(&sealer, b"portal").unwrap();
        assert!(value.len() < 700, "{}", value.len());
        assert_eq!(*Record::open(&value, &sealer, b"portal").unwrap(), one);
        let plain = URL_SAFE_NO_PAD.decode(&value).unwrap();
        assert!(!plain.windows(4).any(|part| part == b"jane" || part == b"mfa\""));
        assert_eq!(record("x".repeat(1500)).seal(&sealer, b"portal"), None);
    }

    #[test]
    fn p24_a_flipped_bit_another_context_or_another_key_is_no_session() {
        let keys = SealingKeys::random();
        let sealer = Sealer::new(&keys, "session", b"");
        let value = record("{}".to_owned()).seal(&sealer, b"portal").unwrap();
        assert!(Record::open(&value, &sealer, b"other").is_none());
        assert!(Record::open(&value, &Sealer::new(&keys, "transaction", b""), b"portal").is_none());
        assert!(Record::open(&value, &Sealer::new(&SealingKeys::random(), "session", b""), b"portal").is_none());
        for at in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            let same = URL_SAFE_NO_PAD.decode(&changed).ok() == URL_SAFE_NO_PAD.decode(&value).ok();
            assert!(same || Record::open(&changed, &sealer, b"portal").is_none(), "{at}");
        }
        for odd in ["", "A", "%%%", &value[1..], &value[..value.len() - 4], &"A".repeat(5000)] {
            assert!(Record::open(odd, &sealer, b"portal").is_none());
        }
    }
}
