//! A sign-in under way, sealed into a cookie of the browser that began it: nothing of it is kept in the gateway, so that any
//! number of them cost nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::Sealer;
use serde::{Deserialize, Serialize};

use super::cookie::{CookieName, OwnCookies};
use super::id::SessionId;
use crate::oidc::TenantId;

/// How many may be under way in one browser.
const MAX_UNDER_WAY: usize = 5;

/// How long their cookies may be together, in bytes: with the session's, a header stays within 8 KiB.
const MAX_BYTES: usize = 5632;

/// How many characters of `state` name the cookie.
const SLOT: usize = 8;

/// A sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// `state`, which the response must repeat.
    #[serde(rename = "s")]
    pub state: String,
    /// The nonce that the ID token must have.
    #[serde(rename = "n")]
    pub nonce: String,
    /// The PKCE verifier (RFC 7636 section 4.1).
    #[serde(rename = "v")]
    pub verifier: String,
    /// Where the browser returns to.
    #[serde(rename = "p")]
    pub return_path: String,
    /// When it began, in milliseconds.
    #[serde(rename = "b")]
    pub began: i64,
    /// What the page asks for.
    #[serde(rename = "w")]
    pub wanted: Wanted,
    /// The session that it is to step up, if there is one.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whether the person wants to choose another account.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub another_account: bool,
    /// How many sign-ins before it, one right after the other, ended in a cookie that is no session.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub rounds: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a page asks for beyond a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// MFA.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
    /// A sign-in of the last so many seconds.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// A sign-in to this tenant.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

impl Wanted {
    /// Whether it is a step-up.
    #[must_use]
    pub fn asks(self) -> bool {
        self.mfa || self.max_age.is_some()
    }

    /// Whether it is anything.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.asks() || self.tenant.is_some()
    }
}

/// The changes to a browser's cookies by which a sign-in begins: the new cookie, and the old ones that must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The name and value of the new cookie.
    pub cookie: (String, String),
    /// The names of cookies to clear.
    pub dropped: Vec<String>,
}

impl Transaction {
    fn slot(&self) -> &str {
        slot_of(&self.state)
    }

    /// Seals it for the browser, beside the ones that are under way there. `None` if that fails.
    #[must_use]
    pub fn begin(&self, sealer: &Sealer, context: &[u8], names: &CookieName, beside: &OwnCookies) -> Option<Begun> {
        let text = serde_json::to_vec(self).ok()?;
        let value = URL_SAFE_NO_PAD.encode(sealer.seal(&in_slot(context, self.slot()), &text));
        let mut others: Vec<(i64, &str, usize)> = Vec::new();
        let mut dropped = Vec::new();
        for (slot, other) in &beside.attempts {
            match open(slot, other, sealer, context) {
                Some(opened) => others.push((opened.began, slot, other.len())),
                // Nobody can finish it.
                None => dropped.push(names.attempt(slot)),
            }
        }
        others.sort_unstable_by_key(|(began, ..)| std::cmp::Reverse(*began));
        let mut bytes = value.len();
        for (at, (_, slot, length)) in others.into_iter().enumerate() {
            bytes += length;
            if at + 1 >= MAX_UNDER_WAY || bytes > MAX_BYTES {
                dropped.push(names.attempt(slot));
            }
        }
        Some(Begun { cookie: (names.attempt(self.slot()), value), dropped })
    }

    /// The sign-in that a response belongs to, if this browser began it, and not too long ago.
    #[must_use]
    pub fn find(state: &str, cookies: &OwnCookies, sealer: &Sealer, context: &[u8], since: Timestamp) -> Option<Self> {
        let slot = slot_of(state);
        let mut named = cookies.attempts.iter().filter(|(other, _)| other == slot);
        let (_, value) = named.next().filter(|_| named.next().is_none())?;
        let found = open(slot, value, sealer, context)?;
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(found.state.as_bytes(), state.as_bytes()).is_ok();
        (same && found.began >= since.as_millis()).then_some(found)
    }

    /// The name of its cookie.
    #[must_use]
    pub fn cookie_name(&self, names: &CookieName) -> String {
        names.attempt(self.slot())
    }
}

fn slot_of(state: &str) -> &str {
    state.get(..SLOT).unwrap_or(state)
}

/// The context: a cookie that was moved to another name doesn't open.
fn in_slot(context: &[u8], slot: &str) -> Vec<u8> {
    [context, b"\0", slot.as_bytes()].concat()
}

fn open(slot: &str, value: &str, sealer: &Sealer, context: &[u8]) -> Option<Transaction> {
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    let text = sealer.open(&in_slot(context, slot), &bytes)?;
    let found: Transaction = serde_json::from_slice(&text).ok()?;
    (found.slot() == slot).then_some(found)
}

#[cfg(test)]
mod tests {
    use mfa_gateway_store::SealingKeys;

    use super::*;

    const CONTEXT: &[u8] = b"portal";

    fn names() -> CookieName {
        CookieName::new("mfa-gateway")
    }

    fn transaction(state: &str, began: i64, path: &str) -> Transaction {
        Transaction {
            state: state.to_owned(),
            nonce: "nonce".to_owned(),
            verifier: "verifier".to_owned(),
            return_path: path.to_owned(),
            began,
            wanted: Wanted { mfa: true, max_age: Some(60), tenant: None },
            session: None,
            another_account: false,
            rounds: 0,
        }
    }

    /// The cookies of a browser after this change.
    fn after(mut cookies: OwnCookies, begun: &Begun) -> OwnCookies {
        let slot = |name: &str| name.strip_prefix("__Host-mfa-gateway-").unwrap().to_owned();
        cookies.attempts.retain(|(kept, _)| !begun.dropped.iter().any(|name| slot(name) == *kept));
        cookies.attempts.push((slot(&begun.cookie.0), begun.cookie.1.clone()));
        cookies
    }

    #[test]
    fn p03_a_sixth_sign_in_drops_the_oldest_and_the_header_stays_short() {
        let sealer = Sealer::new(&SealingKeys::random(), "transaction", b"");
        let mut cookies = OwnCookies::default();
        for number in 0..200_i64 {
            let path = format!("/{}", "x".repeat(usize::try_from(number * 10).unwrap()));
            let one = transaction(&format!("{number:08}-rest"), number, &path);
            let begun = one.begin(&sealer, CONTEXT, &names(), &cookies).unwrap();
            cookies = after(cookies, &begun);
            let bytes: usize = cookies.attempts.iter().map(|(slot, value)| slot.len() + value.len() + 22).sum();
            assert!(cookies.attempts.len() <= 5 && bytes < 6100, "{} {bytes}", cookies.attempts.len());
            let found = Transaction::find(&one.state, &cookies, &sealer, CONTEXT, Timestamp::from_millis(0));
            assert_eq!(found, Some(one));
        }
    }

    #[test]
    fn p04_a_foreign_moved_damaged_or_late_sign_in_is_not_found() {
        let keys = SealingKeys::random();
        let sealer = Sealer::new(&keys, "transaction", b"");
        let (one, other) = (transaction("aaaaaaaa-one", 1000, "/a"), transaction("bbbbbbbb-two", 1000, "/b"));
        let begin = |one: &Transaction| one.begin(&sealer, CONTEXT, &names(), &OwnCookies::default()).unwrap();
        let cookies = after(after(OwnCookies::default(), &begin(&one)), &begin(&other));
        let find = |state: &str, cookies: &OwnCookies, context: &[u8], since| {
            Transaction::find(state, cookies, &sealer, context, Timestamp::from_millis(since))
        };
        assert_eq!(find("aaaaaaaa-one", &cookies, CONTEXT, 1000), Some(one));
        assert_eq!(find("bbbbbbbb-two", &cookies, CONTEXT, 0), Some(other));
        for (state, context, since) in [
            ("aaaaaaaa-two", CONTEXT, 0),
            ("aaaaaaaa", CONTEXT, 0),
            ("", CONTEXT, 0),
            ("cccccccc-one", CONTEXT, 0),
            ("aaaaaaaa-one", b"another", 0),
            ("aaaaaaaa-one", CONTEXT, 1001),
        ] {
            assert_eq!(find(state, &cookies, context, since), None, "{state}");
        }
        let moved =
            OwnCookies { attempts: vec![("bbbbbbbb".to_owned(), cookies.attempts[0].1.clone())], ..cookies.clone() };
        assert!(
            find("aaaaaaaa-one", &moved, CONTEXT, 0).is_none() && find("bbbbbbbb-two", &moved, CONTEXT, 0).is_none()
        );
        // The name is sealed in, whatever the content says.
        assert!(open("bbbbbbbb", &cookies.attempts[0].1, &sealer, CONTEXT).is_none());
        let own_name = |value: &str| open("aaaaaaaa", value, &sealer, CONTEXT);
        let text = serde_json::to_vec(&transaction("aaaaaaaa-one", 1000, "/a")).unwrap();
        let unnamed = URL_SAFE_NO_PAD.encode(sealer.seal(CONTEXT, &text));
        assert!(own_name(&cookies.attempts[0].1).is_some() && own_name(&unnamed).is_none());
        let mut doubled = cookies.clone();
        doubled.attempts.push(cookies.attempts[0].clone());
        assert_eq!(find("aaaaaaaa-one", &doubled, CONTEXT, 0), None);
        let elsewhere = Sealer::new(&SealingKeys::random(), "transaction", b"");
        assert!(Transaction::find("aaaaaaaa-one", &cookies, &elsewhere, CONTEXT, Timestamp::from_millis(0)).is_none());
    }
}
