//! Security event tokens (RFC 8417): a transmitter tells that sessions and tokens of somebody end.
//!
//! They are signed like access tokens, often with the same keys. `typ` must say what they are, and they need no `exp`: what
//! happened doesn't expire. Instead `iat` may not lie too far back, and `jti` counts once for so long.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::object::Object;
use super::security_event_kind::{EventKind, Until};
use super::security_event_subject::Subject;
use super::{Algorithm, Claim, IssuerRule, Key, SecurityEventError, TokenError, Unverified};
use crate::clock::Timestamp;

/// How many events one token may tell.
const MOST_EVENTS: usize = 16;

/// How long a `jti` may be, in bytes.
const LONGEST_ID: usize = 1024;

/// What a transmitter's tokens must be like.
#[derive(Clone, Debug)]
pub struct SecurityEventRules {
    /// What `iss` must be.
    pub issuer: IssuerRule,
    /// What `aud` must hold.
    pub audience: String,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ.
    pub clock_skew: Duration,
    /// How long ago `iat` may be: a transmitter tries again for as long as the gateway can't be reached.
    pub max_age: Duration,
}

/// A security event token taken apart. Nothing in it is known to be true yet.
#[derive(Debug)]
pub struct UnverifiedSecurityEvent<'t>(Unverified<'t>);

/// A verified security event token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEventToken {
    /// `iss`, as it came.
    pub issuer: String,
    /// `jti`, which counts once.
    pub id: String,
    /// From this moment on the token isn't accepted any more, so that its `jti` may be forgotten.
    pub ends: Timestamp,
    /// What it tells.
    pub events: Vec<SecurityEvent>,
}

/// What a security event token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// Its kind.
    pub kind: EventKind,
    /// Which tokens it ends; none if it takes nothing away.
    pub ends: Option<Until>,
    /// When it happened.
    pub at: Timestamp,
    /// Whom it is about.
    pub subject: Subject,
}

impl<'t> UnverifiedSecurityEvent<'t> {
    /// Takes the compact form apart.
    ///
    /// # Errors
    ///
    /// If the form isn't exact, the header asks for something that isn't implemented, or `typ` isn't `secevent+jwt`.
    pub fn parse(token: &'t str) -> Result<Self, SecurityEventError> {
        match Unverified::parse_as(token, &["secevent+jwt"]) {
            Ok(parsed) if parsed.is_typed => Ok(Self(parsed)),
            Ok(_) | Err(TokenError::Type) => Err(SecurityEventError::Type),
            Err(error) => Err(error.into()),
        }
    }

    /// What keys are looked for with.
    #[must_use]
    pub fn unverified(&self) -> &Unverified<'t> {
        &self.0
    }

    /// Whether one of these keys signed it, of which nothing else is checked.
    ///
    /// # Errors
    ///
    /// If none did.
    pub fn check_signature(&self, candidates: &[Arc<Key>], rules: &SecurityEventRules) -> Result<(), TokenError> {
        self.0.signer(candidates, &rules.algorithms, &rules.issuer).map(|_| ())
    }

    /// Checks the token. Whether its `jti` came before is the caller's to find out.
    ///
    /// # Errors
    ///
    /// The first check that failed: signature, issuer, audience, time, and what it tells of whom.
    pub fn verify(
        self,
        candidates: &[Arc<Key>],
        rules: &SecurityEventRules,
        now: Timestamp,
    ) -> Result<SecurityEventToken, SecurityEventError> {
        self.0.signer(candidates, &rules.algorithms, &rules.issuer)?;
        let payload = self.0.payload;
        check_audience(&payload, &rules.audience)?;
        let at = payload.optional_date("iat")?.ok_or(TokenError::ClaimMissing("iat"))?;
        let ends = at.plus(rules.max_age).plus(rules.clock_skew);
        if at > now.plus(rules.clock_skew) || now >= ends {
            return Err(SecurityEventError::Issued);
        }
        // It isn't recommended (RFC 8417 section 2.2), and counts where it is.
        if payload.optional_date("exp")?.is_some_and(|expires| now >= expires.plus(rules.clock_skew)) {
            return Err(TokenError::Expired.into());
        }
        let id = payload.optional_text("jti")?.ok_or(TokenError::ClaimMissing("jti"))?.to_owned();
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(TokenError::ClaimMalformed("jti").into());
        }
        let issuer = payload.optional_text("iss")?.ok_or(TokenError::ClaimMissing("iss"))?.to_owned();
        let happened = payload.optional_date("toe")?.unwrap_or(at);
        let latest = now.plus(rules.clock_skew);
        let events = events(&payload)?;
        let events = events.iter().map(|(uri, event)| read(uri, event, &payload, (happened, latest)));
        Ok(SecurityEventToken { issuer, id, ends, events: events.collect::<Result<_, _>>()? })
    }
}

/// `aud` is a string or an array of strings, and one is exactly the configured audience.
fn check_audience(payload: &Object, audience: &str) -> Result<(), TokenError> {
    let claim = payload.get("aud").ok_or(TokenError::ClaimMissing("aud"))?;
    let found = match claim.as_str() {
        Some(one) => one == audience,
        None => claim.strings().ok_or(TokenError::ClaimMalformed("aud"))?.contains(&audience),
    };
    if found { Ok(()) } else { Err(TokenError::Audience) }
}

/// Events, each by its URI.
type Events<'p> = Vec<(&'p str, &'p Map<String, Value>)>;

/// The events, each an object.
fn events(payload: &Object) -> Result<Events<'_>, SecurityEventError> {
    let Some(Claim::Other(Value::Object(events))) = payload.get("events") else {
        return Err(SecurityEventError::Events);
    };
    if events.is_empty() || events.len() > MOST_EVENTS {
        return Err(SecurityEventError::Events);
    }
    let each = events.iter().map(|(uri, event)| Some((uri.as_str(), event.as_object()?)));
    each.collect::<Option<_>>().ok_or(SecurityEventError::Events)
}

fn read(
    uri: &str,
    event: &Map<String, Value>,
    payload: &Object,
    (happened, latest): (Timestamp, Timestamp),
) -> Result<SecurityEvent, SecurityEventError> {
    let kind = EventKind::of(uri);
    // Of what means nothing here, nothing is read.
    if matches!(kind, EventKind::Other | EventKind::Verification) {
        return Ok(SecurityEvent { kind, ends: None, at: happened, subject: Subject::default() });
    }
    let at = match event.get("event_timestamp") {
        None => happened,
        Some(value) => Claim::from(value).date().ok_or(SecurityEventError::Member("event_timestamp"))?,
    };
    // Tokens that don't exist yet can't be revoked.
    if at > latest {
        return Err(SecurityEventError::Member("event_timestamp"));
    }
    // `sub_id` of the token (Shared Signals Framework 1.0); its drafts had `subject` in the event.
    let subject = match (payload.get("sub_id"), event.get("subject")) {
        (Some(claim), _) => Subject::read(&claim.to_value())?,
        (None, Some(subject)) => Subject::read(subject)?,
        (None, None) => return Err(SecurityEventError::Subject),
    };
    Ok(SecurityEvent { kind, ends: kind.ends(event)?, at, subject })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::signed::{NOW, Pair};
    use crate::token::{Identifier, UnverifiedIdToken, UnverifiedLogoutToken};

    const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

    fn rules() -> SecurityEventRules {
        SecurityEventRules {
            issuer: IssuerRule::of("i"),
            audience: "https://us/events".to_owned(),
            algorithms: vec![Algorithm::Es256],
            clock_skew: Duration::from_secs(60),
            max_age: Duration::from_secs(3600),
        }
    }

    fn claims(changes: &Value) -> Value {
        let mut claims = json!({"iss": "i", "aud": ["https://us/events"], "jti": "j", "iat": NOW.as_secs(),
            "sub_id": {"format": "opaque", "id": "s"}, "events": {REVOKED: {"event_timestamp": NOW.as_secs() - 5}}});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn verify_as(header: &Value, changes: &Value) -> Result<SecurityEventToken, SecurityEventError> {
        let pair = Pair::new();
        let token = pair.sign(header, &claims(changes));
        UnverifiedSecurityEvent::parse(&token)?.verify(&[pair.key()], &rules(), NOW)
    }

    fn verify(changes: &Value) -> Result<SecurityEventToken, SecurityEventError> {
        verify_as(&json!({"typ": "secevent+jwt"}), changes)
    }

    #[test]
    fn a_good_token_tells_what_happened_when_and_to_whom() {
        for typ in ["secevent+jwt", "application/secevent+jwt", "SecEvent+JWT"] {
            let token = verify_as(&json!({ "typ": typ }), &json!({})).unwrap();
            assert_eq!((token.issuer.as_str(), token.id.as_str()), ("i", "j"));
            assert_eq!(token.ends, NOW.plus(Duration::from_secs(3660)));
            let subject = Subject { user: vec![Identifier::Opaque("s".to_owned())], session: Vec::new() };
            let at = NOW.minus(Duration::from_secs(5));
            let event = SecurityEvent { kind: EventKind::SessionRevoked, ends: Some(Until::Issued), at, subject };
            assert_eq!(token.events, [event]);
        }
        let at = |changes| verify(&changes).unwrap().events[0].at;
        let past = NOW.as_secs() - 30;
        assert_eq!(at(json!({"events": {REVOKED: {}}})), NOW, "by iat");
        assert_eq!(at(json!({"events": {REVOKED: {}}, "toe": past})), Timestamp::from_secs(past));
        let draft = json!({REVOKED: {"subject": {"format": "email", "email": "a@b"}}});
        let token = verify(&json!({"events": draft, "sub_id": null})).unwrap();
        assert_eq!(token.events[0].subject.user, [Identifier::Email("a@b".to_owned())]);
    }

    #[test]
    fn an_unknown_event_is_accepted_and_nothing_of_it_is_read() {
        let token = verify(&json!({"sub_id": null, "events": {"https://e/x": {"event_timestamp": "?"}}})).unwrap();
        assert_eq!((token.events[0].kind, token.events[0].ends), (EventKind::Other, None));
    }

    #[test]
    fn no_other_kind_of_token_passes_nor_this_one_for_another() {
        for header in [json!({}), json!({"typ": "JWT"}), json!({"typ": "at+jwt"}), json!({"typ": "logout+jwt"})] {
            assert_eq!(verify_as(&header, &json!({})), Err(SecurityEventError::Type), "{header}");
        }
        let (pair, typ) = (Pair::new(), json!({"typ": "secevent+jwt"}));
        let token = pair.sign(&typ, &claims(&json!({"exp": NOW.as_secs() + 60, "nonce": "n", "sub": "s"})));
        assert_eq!(Unverified::parse(&token).unwrap_err(), TokenError::Type);
        assert!(UnverifiedIdToken::parse(&token).is_err() && UnverifiedLogoutToken::parse(&token).is_err());
    }

    #[test]
    fn each_claim_that_decides_is_there_and_of_its_type() {
        let error = |changes: Value| verify(&changes).unwrap_err();
        for name in ["iss", "aud", "iat", "jti"] {
            assert_eq!(error(json!({ name: null })), TokenError::ClaimMissing(name).into());
            assert_eq!(error(json!({ name: {} })), TokenError::ClaimMalformed(name).into());
        }
        assert_eq!(error(json!({"iss": "j"})).code(), "invalid_issuer");
        assert_eq!(error(json!({"aud": "https://us/events/"})).code(), "invalid_audience");
        assert_eq!(error(json!({"aud": ["https://us/events", 7]})).code(), "invalid_audience");
        assert_eq!(error(json!({"jti": ""})), TokenError::ClaimMalformed("jti").into());
        assert_eq!(error(json!({"jti": "x".repeat(1025)})), TokenError::ClaimMalformed("jti").into());
        assert_eq!(error(json!({"exp": NOW.as_secs() - 60})), TokenError::Expired.into());
        for odd in [NOW.as_secs() + 61, NOW.as_secs() - 3660] {
            assert_eq!(error(json!({ "iat": odd })), SecurityEventError::Issued);
        }
        for odd in [json!(null), json!([]), json!({}), json!(REVOKED), json!({REVOKED: []}), json!({REVOKED: null})] {
            assert_eq!(error(json!({ "events": odd })), SecurityEventError::Events, "{odd}");
        }
        for odd in [json!("1"), json!(NOW.as_secs() + 61), json!({})] {
            let events = json!({REVOKED: {"event_timestamp": odd}});
            assert_eq!(error(json!({ "events": events })), SecurityEventError::Member("event_timestamp"), "{odd}");
        }
        assert_eq!(error(json!({"sub_id": null})), SecurityEventError::Subject);
    }

    #[test]
    fn a_key_of_nobody_signs_nothing() {
        let token = Pair::new().sign(&json!({"typ": "secevent+jwt"}), &claims(&json!({})));
        let error = UnverifiedSecurityEvent::parse(&token).unwrap().verify(&[Pair::new().key()], &rules(), NOW);
        assert_eq!(error.unwrap_err().code(), "invalid_key");
    }
}
