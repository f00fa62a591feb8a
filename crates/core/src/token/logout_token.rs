//! Logout tokens: an issuer tells a client that somebody signed out (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use super::client_rules::{check_kind, check_subject, parse};
use super::object::Object;
use super::{Claim, ClientTokenError, ClientTokenRules, Key, TokenError, Unverified};
use crate::clock::Timestamp;

/// The event that a logout token tells (section 2.4).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token taken apart. Nothing in it is known to be true yet.
#[derive(Debug)]
pub struct UnverifiedLogoutToken<'t>(Unverified<'t>);

/// A verified logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// `iss`, as it came.
    pub issuer: String,
    /// Whose sessions end: those of this `sub`.
    pub subject: Option<String>,
    /// Which session ends: the one with this `sid`. With a `sub` too, both must be the session's.
    pub session: Option<String>,
    /// `jti`, which counts once.
    pub id: String,
    /// From this moment on the token isn't accepted any more, so that its `jti` may be forgotten.
    pub ends: Timestamp,
}

impl<'t> UnverifiedLogoutToken<'t> {
    /// Takes the compact form apart. `typ` is `logout+jwt`, or what issuers wrote before that was recommended.
    ///
    /// # Errors
    ///
    /// If the form isn't exact, the header asks for something that isn't implemented, or names another kind of token.
    pub fn parse(token: &'t str) -> Result<Self, ClientTokenError> {
        parse(token, &["jwt", "logout+jwt"]).map(Self)
    }

    /// What keys are looked for with.
    #[must_use]
    pub fn unverified(&self) -> &Unverified<'t> {
        &self.0
    }

    /// Checks the token (section 2.6). Whether its `jti` came before is the caller's to find out.
    ///
    /// # Errors
    ///
    /// The first check that failed: signature, issuer, audience, kind, time, and whom it is about.
    pub fn verify(
        self,
        candidates: &[Arc<Key>],
        rules: &ClientTokenRules,
        now: Timestamp,
    ) -> Result<LogoutToken, ClientTokenError> {
        rules.signer(&self.0, candidates)?;
        let payload = self.0.payload;
        check_kind(&payload, "logout")?;
        check_event(&payload)?;
        // An ID token has one, so that no logout token can pass for it where somebody forgets to look at `events`.
        if payload.get("nonce").is_some() {
            return Err(ClientTokenError::Kind("nonce"));
        }
        let times = rules.check_time(&payload, now)?;
        let id = name(&payload, "jti")?.ok_or(TokenError::ClaimMissing("jti"))?;
        let issuer = name(&payload, "iss")?.ok_or(TokenError::ClaimMissing("iss"))?;
        let subject = payload.optional_text("sub")?.map(str::to_owned);
        subject.as_deref().map(check_subject).transpose()?;
        let session = name(&payload, "sid")?;
        if subject.is_none() && session.is_none() {
            return Err(ClientTokenError::Nobody);
        }
        Ok(LogoutToken { issuer, subject, session, id, ends: times.ends })
    }
}

fn check_event(payload: &Object) -> Result<(), ClientTokenError> {
    match payload.get("events") {
        Some(Claim::Other(events)) if events.get(LOGOUT_EVENT).is_some_and(serde_json::Value::is_object) => Ok(()),
        _ => Err(ClientTokenError::Event),
    }
}

/// A text that isn't empty.
fn name(payload: &Object, claim: &'static str) -> Result<Option<String>, ClientTokenError> {
    match payload.optional_text(claim)? {
        Some("") => Err(TokenError::ClaimMalformed(claim).into()),
        text => Ok(text.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::signed::{NOW, Pair, rules};

    fn changed(changes: &Value) -> Value {
        let mut claims = json!({"iss": "i", "aud": "c", "sub": "s", "sid": "s1", "jti": "j", "iat": NOW.as_secs(),
            "exp": NOW.as_secs() + 120, "events": {LOGOUT_EVENT: {}}});
        for (name, change) in changes.as_object().unwrap() {
            claims[name] = change.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn verify_as(header: &Value, changes: &Value) -> Result<LogoutToken, ClientTokenError> {
        let pair = Pair::new();
        let token = pair.sign(header, &changed(changes));
        UnverifiedLogoutToken::parse(&token)?.verify(&[pair.key()], &rules(), NOW)
    }

    fn error(changes: &Value) -> ClientTokenError {
        verify_as(&json!({}), changes).unwrap_err()
    }

    #[test]
    fn a_good_token_tells_whose_sessions_end_and_how_long_its_id_matters() {
        for typ in
            [json!({}), json!({"typ": "JWT"}), json!({"typ": "logout+jwt"}), json!({"typ": "application/logout+jwt"})]
        {
            let token = verify_as(&typ, &json!({})).unwrap();
            assert_eq!((token.subject.as_deref(), token.session.as_deref()), (Some("s"), Some("s1")));
            assert_eq!((token.issuer.as_str(), token.id.as_str()), ("i", "j"));
            assert_eq!(token.ends, NOW.plus(std::time::Duration::from_secs(180)), "exp and the skew");
        }
        let later = verify_as(&json!({}), &json!({"exp": NOW.as_secs() + 86_400})).unwrap();
        assert_eq!(later.ends, NOW.plus(std::time::Duration::from_secs(660)), "iat can't be older");
        assert_eq!(verify_as(&json!({}), &json!({"sid": null})).unwrap().session, None);
        assert_eq!(verify_as(&json!({}), &json!({"sub": null})).unwrap().subject, None);
    }

    #[test]
    fn what_must_be_there_is_there() {
        for name in ["iat", "exp", "jti", "aud"] {
            assert_eq!(error(&json!({ name: null })), TokenError::ClaimMissing(name).into());
        }
        for (name, odd) in
            [("jti", json!(7)), ("jti", json!("")), ("sid", json!("")), ("sid", json!(7)), ("iat", json!("1"))]
        {
            assert_eq!(error(&json!({ name: odd })), TokenError::ClaimMalformed(name).into(), "{name} {odd}");
        }
        assert_eq!(error(&json!({"sub": null, "sid": null})), ClientTokenError::Nobody);
        assert_eq!(error(&json!({"sub": ""})), ClientTokenError::Subject);
        assert_eq!(error(&json!({"iat": NOW.as_secs() - 660})), ClientTokenError::IssuedLongAgo);
        assert_eq!(error(&json!({"iat": NOW.as_secs() + 61})), ClientTokenError::IssuedAhead);
        assert_eq!(error(&json!({"exp": NOW.as_secs() - 60})), TokenError::Expired.into());
        assert_eq!(error(&json!({"aud": "d"})), TokenError::Audience.into());
        assert_eq!(error(&json!({"iss": "j"})), TokenError::IssuerUnknown.into());
    }

    #[test]
    fn the_event_is_a_logout() {
        for events in [
            json!(null),
            json!({}),
            json!(LOGOUT_EVENT),
            json!([LOGOUT_EVENT]),
            json!({LOGOUT_EVENT: true}),
            json!({LOGOUT_EVENT: null}),
            json!({LOGOUT_EVENT: []}),
            json!({"http://schemas.openid.net/event/other": {}}),
        ] {
            assert_eq!(error(&json!({ "events": events })), ClientTokenError::Event, "{events}");
        }
        let several = json!({LOGOUT_EVENT: {"x": 1}, "http://other.example/": 7});
        assert!(verify_as(&json!({}), &json!({ "events": several })).is_ok());
    }

    #[test]
    fn no_other_kind_of_token_passes() {
        assert_eq!(error(&json!({"nonce": "n"})), ClientTokenError::Kind("nonce"));
        assert_eq!(error(&json!({"nonce": 7})), ClientTokenError::Kind("nonce"));
        assert_eq!(error(&json!({"typ": "ID"})), ClientTokenError::Kind("typ"));
        assert!(verify_as(&json!({}), &json!({"typ": "Logout"})).is_ok());
        for typ in ["at+jwt", "id+jwt", "secevent+jwt", ""] {
            assert_eq!(verify_as(&json!({ "typ": typ }), &json!({})), Err(ClientTokenError::Type), "{typ}");
        }
    }
}
