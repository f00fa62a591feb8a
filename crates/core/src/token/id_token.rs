//! ID tokens: what an issuer says of a user who signed in (OpenID Connect Core section 2).
//!
//! An ID token comes from the token endpoint, so that TLS alone might vouch for it (section 3.1.3.7 step 6). Its signature
//! is checked all the same: it decides who somebody is, and what MFA there was.

use std::sync::Arc;

use super::client_rules::{check_kind, check_subject, parse};
use super::condition::all_hold;
use super::token_hash::is_hash_of;
use super::{
    App, Claims, ClientTokenError, ClientTokenRules, ExpectedIdToken, Key, Principal, TokenError, Unverified, User,
};
use crate::clock::Timestamp;

/// An ID token taken apart. Nothing in it is known to be true yet.
#[derive(Debug)]
pub struct UnverifiedIdToken<'t>(Unverified<'t>);

/// A verified ID token.
#[derive(Debug)]
pub struct IdToken {
    claims: Claims,
    issuer: String,
    subject: String,
    key: Arc<Key>,
}

impl<'t> UnverifiedIdToken<'t> {
    /// Takes the compact form apart.
    ///
    /// # Errors
    ///
    /// If the form isn't exact, the header asks for something that isn't implemented, or names another kind of token.
    pub fn parse(token: &'t str) -> Result<Self, ClientTokenError> {
        parse(token, &["jwt"]).map(Self)
    }

    /// What keys are looked for with.
    #[must_use]
    pub fn unverified(&self) -> &Unverified<'t> {
        &self.0
    }

    /// Checks the token. The candidates are those of [`super::KeySet::find`].
    ///
    /// # Errors
    ///
    /// The first check that failed: signature, issuer, audience, kind, time, nonce, user, access token.
    pub fn verify(
        self,
        candidates: &[Arc<Key>],
        rules: &ClientTokenRules,
        expected: &ExpectedIdToken<'_>,
        now: Timestamp,
    ) -> Result<IdToken, ClientTokenError> {
        let key = rules.signer(&self.0, candidates)?;
        let Unverified { payload, algorithm, .. } = self.0;
        if !all_hold(&rules.required, |path| payload.at(path)) {
            return Err(TokenError::ClaimMismatch.into());
        }
        check_kind(&payload, "id")?;
        // Whoever could pass a logout token off as an ID token would need no password (Back-Channel Logout section 4.1).
        if payload.get("events").is_some() {
            return Err(ClientTokenError::Kind("events"));
        }
        let times = rules.check_time(&payload, now)?;
        let required = |name| payload.optional_text(name)?.ok_or(TokenError::ClaimMissing(name));
        let (issuer, subject) = (required("iss")?.to_owned(), required("sub")?.to_owned());
        payload.optional_text("oid")?;
        expected.occasion.check_nonce(payload.optional_text("nonce")?)?;
        check_subject(&subject)?;
        expected.occasion.check_same(&issuer, &subject)?;
        if let Some(hash) = payload.optional_text("at_hash")?
            && !algorithm.is_some_and(|algorithm| is_hash_of(hash, expected.access_token, algorithm))
        {
            return Err(ClientTokenError::AccessTokenHash);
        }
        Ok(IdToken { claims: Claims::new(payload, times.validity), issuer, subject, key })
    }
}

impl IdToken {
    /// `iss`, as it came: with Entra's template, that of the user's tenant.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `sid`, by which the issuer later ends its session.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.claims.text("sid").filter(|sid| !sid.is_empty())
    }

    /// Everything that it says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// Who signed in: always a user, through the client.
    #[must_use]
    pub fn principal(&self, client_id: &str) -> Principal {
        let user = self.claims.text("oid").filter(|oid| !oid.is_empty()).unwrap_or(&self.subject);
        Principal::AppUser(App { id: Some(client_id.to_owned()) }, User { id: Some(user.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::signed::{NOW, Pair, rules};
    use crate::token::{AuthTime, AuthTimeForm, IssuerRule, Occasion, Tenants};

    const SIGN_IN: ExpectedIdToken<'_> =
        ExpectedIdToken { occasion: Occasion::SignIn { nonce: "n" }, access_token: "x" };

    fn claims() -> Value {
        json!({"iss": "i", "aud": "c", "sub": "s", "exp": NOW.as_secs() + 300, "iat": NOW.as_secs(), "nonce": "n"})
    }

    fn verify_with(
        header: &Value,
        claims: &Value,
        rules: &ClientTokenRules,
        expected: &ExpectedIdToken<'_>,
    ) -> Result<IdToken, ClientTokenError> {
        let pair = Pair::new();
        let token = pair.sign(header, claims);
        UnverifiedIdToken::parse(&token)?.verify(&[pair.key()], rules, expected, NOW)
    }

    /// What becomes of a good token with these changes; `null` takes a claim away.
    fn verify(changes: &Value) -> Result<(), ClientTokenError> {
        verify_with(&json!({}), &changed(changes), &rules(), &SIGN_IN).map(drop)
    }

    fn changed(changes: &Value) -> Value {
        let mut claims = claims();
        for (name, change) in changes.as_object().unwrap() {
            claims[name] = change.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn malformed(name: &'static str) -> Result<(), ClientTokenError> {
        Err(TokenError::ClaimMalformed(name).into())
    }

    fn missing(name: &'static str) -> Result<(), ClientTokenError> {
        Err(TokenError::ClaimMissing(name).into())
    }

    #[test]
    fn a_good_token_tells_who_signed_in() {
        let more = changed(&json!({"sid": "s1", "oid": "o", "auth_time": 7, "at_hash": "LXEWQrcmsEQBYnyp-6wy9Q"}));
        let token = verify_with(&json!({"typ": "JWT"}), &more, &rules(), &SIGN_IN).unwrap();
        assert_eq!((token.issuer(), token.subject(), token.session()), ("i", "s", Some("s1")));
        let user = User { id: Some("o".to_owned()) };
        assert_eq!(token.principal("c"), Principal::AppUser(App { id: Some("c".to_owned()) }, user));
        assert_eq!(token.claims().sign_in_time(AuthTimeForm::Seconds), AuthTime::At(Timestamp::from_secs(7)));
        let plain = verify_with(&json!({}), &claims(), &rules(), &SIGN_IN).unwrap();
        assert_eq!(plain.principal("c").user(), Some(&User { id: Some("s".to_owned()) }));
        assert_eq!((plain.session(), plain.claims().sign_in_time(AuthTimeForm::Seconds)), (None, AuthTime::Absent));
    }

    #[test]
    fn a_time_of_sign_in_is_whole_seconds() {
        for odd in [json!(7.5), json!(7.0), json!("7"), json!([7]), json!(true)] {
            let token = verify_with(&json!({}), &changed(&json!({"auth_time": odd})), &rules(), &SIGN_IN).unwrap();
            assert_eq!(token.claims().sign_in_time(AuthTimeForm::Seconds), AuthTime::Malformed, "{odd}");
        }
    }

    #[test]
    fn a_token_is_for_this_client_alone() {
        assert_eq!(verify(&json!({"aud": ["c"]})), Ok(()));
        assert_eq!(verify(&json!({"azp": "c"})), Ok(()));
        assert_eq!(verify(&json!({"aud": ["c", "d"], "azp": "c"})), Ok(()));
        for aud in [json!("d"), json!(["d"]), json!([]), json!("C"), json!("c "), json!("")] {
            assert_eq!(verify(&json!({ "aud": aud })), Err(TokenError::Audience.into()), "{aud}");
        }
        assert_eq!(verify(&json!({"aud": null})), missing("aud"));
        assert_eq!(verify(&json!({"aud": ["c", 1]})), malformed("aud"));
        for (aud, azp) in [(json!("c"), json!("d")), (json!(["c", "d"]), json!(null)), (json!(["c", "d"]), json!("d"))]
        {
            assert_eq!(verify(&json!({"aud": aud, "azp": azp})), Err(ClientTokenError::AuthorizedParty), "{aud} {azp}");
        }
        assert_eq!(verify(&json!({"azp": 7})), malformed("azp"));
    }

    #[test]
    fn the_times_are_all_there_and_right() {
        let now = NOW.as_secs();
        for name in ["exp", "iat"] {
            assert_eq!(verify(&json!({ name: null })), missing(name));
            assert_eq!(verify(&json!({ name: "1790000300" })), malformed(name));
        }
        assert_eq!(verify(&json!({"exp": now - 59})), Ok(()));
        assert_eq!(verify(&json!({"exp": now - 60})), Err(TokenError::Expired.into()));
        assert_eq!(verify(&json!({"iat": now + 60})), Ok(()));
        assert_eq!(verify(&json!({"iat": now + 61})), Err(ClientTokenError::IssuedAhead));
        assert_eq!(verify(&json!({"iat": now - 659})), Ok(()));
        assert_eq!(verify(&json!({"iat": now - 660})), Err(ClientTokenError::IssuedLongAgo));
        assert_eq!(verify(&json!({"nbf": now + 61})), Err(TokenError::NotYetValid.into()));
        assert!(ClientTokenError::IssuedLongAgo.is_late() && !ClientTokenError::Nonce.is_late());
    }

    #[test]
    fn the_nonce_is_that_of_the_sign_in() {
        assert_eq!(verify(&json!({"nonce": null})), Err(ClientTokenError::NonceMissing));
        for other in ["", "N", "n ", "nn"] {
            assert_eq!(verify(&json!({ "nonce": other })), Err(ClientTokenError::Nonce), "{other:?}");
        }
        assert_eq!(verify(&json!({"nonce": ["n"]})), malformed("nonce"));
        let nothing = ExpectedIdToken { occasion: Occasion::SignIn { nonce: "" }, ..SIGN_IN };
        let empty = verify_with(&json!({}), &changed(&json!({"nonce": ""})), &rules(), &nothing);
        assert_eq!(empty.map(drop), Err(ClientTokenError::Nonce), "two empty texts bind nothing");
    }

    #[test]
    fn a_subject_is_a_text_of_1_to_255_bytes() {
        assert_eq!(verify(&json!({"sub": "s".repeat(255)})), Ok(()));
        assert_eq!(verify(&json!({"sub": "s".repeat(256)})), Err(ClientTokenError::Subject));
        assert_eq!(verify(&json!({"sub": ""})), Err(ClientTokenError::Subject));
        assert_eq!(verify(&json!({"sub": null})), missing("sub"));
        assert_eq!(verify(&json!({"sub": 7})), malformed("sub"));
        assert_eq!(verify(&json!({"oid": 7})), malformed("oid"));
    }

    #[test]
    fn an_access_token_that_it_did_not_come_with_is_noticed() {
        assert_eq!(verify(&json!({"at_hash": "LXEWQrcmsEQBYnyp-6wy9Q"})), Ok(()));
        for other in ["", "LXEWQrcmsEQBYnyp-6wy9R", "2XEWQrcmsEQBYnyp-6wy9Q"] {
            assert_eq!(verify(&json!({ "at_hash": other })), Err(ClientTokenError::AccessTokenHash), "{other}");
        }
        assert_eq!(verify(&json!({"at_hash": 7})), malformed("at_hash"));
    }

    #[test]
    fn no_other_kind_of_token_passes() {
        for (claim, value) in [
            ("events", json!({})),
            ("events", json!(7)),
            ("token_use", json!("access")),
            ("typ", json!("Bearer")),
            ("typ", json!("Refresh")),
            ("typ", json!("Logout")),
        ] {
            assert_eq!(verify(&json!({ claim: value })), Err(ClientTokenError::Kind(claim)), "{claim} {value}");
        }
        assert_eq!(verify(&json!({"token_use": "id", "typ": "ID"})), Ok(()));
        for typ in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", ""] {
            let found = verify_with(&json!({ "typ": typ }), &claims(), &rules(), &SIGN_IN);
            assert_eq!(found.map(drop), Err(ClientTokenError::Type), "{typ}");
        }
        let critical = verify_with(&json!({"crit": ["x"], "x": 1}), &claims(), &rules(), &SIGN_IN);
        assert_eq!(critical.map(drop), Err(TokenError::Header("crit").into()));
    }

    #[test]
    fn a_refreshed_token_is_of_the_same_user_and_has_no_other_nonce() {
        let refresh = |changes: Value, nonce| {
            let occasion = Occasion::Refresh { issuer: "i", subject: "s", nonce };
            verify_with(&json!({}), &changed(&changes), &rules(), &ExpectedIdToken { occasion, access_token: "x" })
                .map(drop)
        };
        assert_eq!(refresh(json!({}), Some("n")), Ok(()));
        assert_eq!(refresh(json!({"nonce": null}), Some("n")), Ok(()));
        assert_eq!(refresh(json!({"nonce": "m"}), None), Ok(()));
        assert_eq!(refresh(json!({"nonce": "m"}), Some("n")), Err(ClientTokenError::Nonce));
        assert_eq!(refresh(json!({"sub": "t"}), Some("n")), Err(ClientTokenError::Changed("sub")));
        let any = IssuerRule::Entra {
            cloud: crate::token::Cloud::Global,
            version: crate::token::EntraVersion::V2,
            tenants: Tenants::Any,
        };
        let tenant = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
        let of = changed(&json!({"iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "tid": tenant}));
        let occasion =
            Occasion::Refresh { issuer: "https://login.microsoftonline.com/x/v2.0", subject: "s", nonce: None };
        let rules = ClientTokenRules { issuer: any, ..rules() };
        let found = verify_with(&json!({}), &of, &rules, &ExpectedIdToken { occasion, access_token: "x" });
        assert_eq!(found.map(drop), Err(ClientTokenError::Changed("iss")), "of another tenant");
        assert!(verify_with(&json!({}), &of, &rules, &SIGN_IN).is_ok());
    }

    #[test]
    fn the_issuer_and_its_key_are_checked_first() {
        assert_eq!(verify(&json!({"iss": "j", "aud": "d"})), Err(TokenError::IssuerUnknown.into()));
        let (pair, other) = (Pair::new(), Pair::new());
        let token = pair.sign(&json!({}), &changed(&json!({"iss": "j"})));
        let found = UnverifiedIdToken::parse(&token).unwrap().verify(&[other.key()], &rules(), &SIGN_IN, NOW);
        assert_eq!(found.map(drop), Err(TokenError::Signature.into()));
        let none = verify_with(&json!({"alg": "none"}), &claims(), &rules(), &SIGN_IN);
        assert_eq!(none.map(drop), Err(TokenError::Algorithm.into()));
    }
}
