//! What an issuer says of a token that only it can read (RFC 7662), plain or signed (RFC 9701).
//!
//! Its members are judged as a token's claims are, by the same rules. Nothing of them is believed unless `active` is exactly
//! `true`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::object::Object;
use super::verify::{accept, claims_of};
use super::{Algorithm, Claim, Claims, IssuerRule, Key, TokenError, TokenRules, Unverified};
use crate::clock::Timestamp;

/// What an issuer says of a token.
#[derive(Debug)]
pub struct Introspection(Object);

/// Why a response says nothing of a token: that is the issuer's doing or the network's, never the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectionError {
    /// It isn't one JSON object with unique names.
    #[error("the response is not one JSON object in UTF-8 with unique names")]
    Json,
    /// `active` isn't a boolean (RFC 7662 section 2.2).
    #[error("the response's member active is missing, or not a boolean")]
    Active,
    /// It isn't a signed response for this client (RFC 9701 section 5).
    #[error("the signed response is not valid")]
    Signed(#[from] TokenError),
    /// Its `typ` isn't `token-introspection+jwt`.
    #[error("the signed response's typ is not token-introspection+jwt")]
    Type,
    /// It has no object `token_introspection`.
    #[error("the signed response has no object token_introspection")]
    Content,
}

impl Introspection {
    /// Reads a plain response.
    ///
    /// # Errors
    ///
    /// If it isn't one.
    pub fn parse(document: &[u8]) -> Result<Self, IntrospectionError> {
        Self::of(Object::parse(document.to_vec()).ok_or(IntrospectionError::Json)?)
    }

    fn of(object: Object) -> Result<Self, IntrospectionError> {
        match object.get("active") {
            Some(Claim::Other(Value::Bool(_))) => Ok(Self(object)),
            _ => Err(IntrospectionError::Active),
        }
    }

    /// Whether the token is active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.0.get("active"), Some(Claim::Other(Value::Bool(true))))
    }

    /// The claims of an active token, judged by the issuer's rules.
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`super::Check`].
    pub fn claims(self, rules: &TokenRules, now: Timestamp) -> Result<Claims, TokenError> {
        if !self.is_active() {
            return Err(TokenError::Inactive);
        }
        check_use(&self.0)?;
        // Of a DPoP token without its key, anybody could be the sender (RFC 9449 section 6.2).
        let is_dpop = self.0.optional_text("token_type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("dpop"));
        if is_dpop && self.0.get("cnf").is_none() {
            return Err(TokenError::Binding);
        }
        let named = self.0.optional_text("iss")?.ok_or(TokenError::ClaimMissing("iss"))?;
        // Entra's templates have no introspection.
        if !matches!(&rules.issuer, IssuerRule::Exact(exact) if exact == named) {
            return Err(TokenError::IssuerUnknown);
        }
        let validity = accept(&self.0, rules)?;
        claims_of(self.0, validity, rules, now)
    }
}

/// An issuer introspects refresh tokens and ID tokens, too; where it says of which kind a token is, it is an access token.
fn check_use(object: &Object) -> Result<(), TokenError> {
    let kinds: [(&'static str, &[&str]); 3] = [
        ("token_type", &["bearer", "dpop", "access_token"]),
        ("token_use", &["access", "access_token"]),
        ("typ", &["bearer", "dpop", "jwt", "at+jwt"]),
    ];
    for (name, accepted) in kinds {
        if let Some(kind) = object.optional_text(name)?
            && !accepted.iter().any(|one| one.eq_ignore_ascii_case(kind))
        {
            return Err(TokenError::Type);
        }
    }
    Ok(())
}

/// How old a signed response may be. It was asked for a moment ago.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Checks when a signed response was made, and until when it is good: one that was recorded says nothing of today.
fn check_time(payload: &Object, now: Timestamp, skew: Duration) -> Result<(), TokenError> {
    let issued = payload.optional_date("iat")?.ok_or(TokenError::ClaimMissing("iat"))?;
    if issued > now.plus(skew) {
        return Err(TokenError::NotYetValid);
    }
    if issued < now.minus(MAX_AGE).minus(skew) {
        return Err(TokenError::Expired);
    }
    if payload.optional_date("nbf")?.is_some_and(|begins| begins > now.plus(skew)) {
        return Err(TokenError::NotYetValid);
    }
    if payload.optional_date("exp")?.is_some_and(|ends| ends <= now.minus(skew)) {
        return Err(TokenError::Expired);
    }
    Ok(())
}

/// A signed response taken apart. Nothing in it is known to be true yet.
#[derive(Debug)]
pub struct UnverifiedIntrospection<'t>(Unverified<'t>);

impl<'t> UnverifiedIntrospection<'t> {
    /// Takes the compact form apart.
    ///
    /// # Errors
    ///
    /// If the form isn't exact, or `typ` isn't `token-introspection+jwt`.
    pub fn parse(token: &'t str) -> Result<Self, IntrospectionError> {
        match Unverified::parse_as(token, &["token-introspection+jwt"]) {
            Ok(parsed) if parsed.is_typed => Ok(Self(parsed)),
            Ok(_) | Err(TokenError::Type) => Err(IntrospectionError::Type),
            Err(error) => Err(error.into()),
        }
    }

    /// What keys are looked for with.
    #[must_use]
    pub fn unverified(&self) -> &Unverified<'t> {
        &self.0
    }

    /// Checks the response: it is the issuer's, for this client, and of this moment (RFC 9701 section 5).
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn verify(
        self,
        candidates: &[Arc<Key>],
        (algorithms, issuer): (&[Algorithm], &IssuerRule),
        client_id: &str,
        (now, skew): (Timestamp, Duration),
    ) -> Result<Introspection, IntrospectionError> {
        self.0.signer(candidates, algorithms, issuer)?;
        let payload = self.0.payload;
        let is_ours = payload.get("aud").is_some_and(|aud| match aud.as_str() {
            Some(one) => one == client_id,
            None => aud.strings().is_some_and(|all| all.contains(&client_id)),
        });
        if !is_ours {
            return Err(TokenError::Audience.into());
        }
        check_time(&payload, now, skew)?;
        match payload.get("token_introspection") {
            Some(Claim::Other(content @ Value::Object(_))) => {
                let object = Object::parse(content.to_string().into_bytes()).ok_or(IntrospectionError::Content)?;
                Introspection::of(object)
            }
            _ => Err(IntrospectionError::Content),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::signed::{NOW, Pair};
    use crate::token::{AppOnlyProof, AuthTimeForm};

    fn rules() -> TokenRules {
        TokenRules {
            issuer: IssuerRule::of("i"),
            required: Vec::new(),
            audiences: vec!["api".to_owned()],
            client_ids: Vec::new(),
            algorithms: vec![Algorithm::Es256],
            clock_skew: Duration::from_secs(60),
            class: AppOnlyProof::Entra.into(),
            auth_time: AuthTimeForm::Seconds,
        }
    }

    fn content(changes: &Value) -> Value {
        let mut content = json!({"active": true, "iss": "i", "aud": "api", "sub": "s", "exp": NOW.as_secs() + 60,
            "amr": ["mfa"], "client_id": "app", "token_type": "Bearer"});
        content.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        content.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        content
    }

    fn judged(changes: &Value) -> Result<Claims, TokenError> {
        Introspection::parse(content(changes).to_string().as_bytes()).unwrap().claims(&rules(), NOW)
    }

    #[test]
    fn only_a_response_that_says_active_true_or_false_says_anything() {
        for odd in [json!(null), json!("true"), json!(1), json!([true]), json!({})] {
            let document = content(&json!({ "active": odd })).to_string();
            assert_eq!(Introspection::parse(document.as_bytes()).unwrap_err(), IntrospectionError::Active, "{odd}");
        }
        for odd in ["", "[]", "true", r#"{"active":true} x"#, r#"{"active":false,"active":true}"#, "{\"active\":true"] {
            assert_eq!(Introspection::parse(odd.as_bytes()).unwrap_err(), IntrospectionError::Json, "{odd}");
        }
        assert_eq!(judged(&json!({"active": false})).unwrap_err(), TokenError::Inactive);
    }

    #[test]
    fn an_active_token_is_judged_by_the_rules_of_claims() {
        assert_eq!(judged(&json!({})).unwrap().text("sub"), Some("s"));
        for (changes, error) in [
            (json!({"iss": null}), TokenError::ClaimMissing("iss")),
            (json!({"iss": "j"}), TokenError::IssuerUnknown),
            (json!({"aud": null}), TokenError::ClaimMissing("aud")),
            (json!({"aud": ["other"]}), TokenError::Audience),
            (json!({"exp": null}), TokenError::ClaimMissing("exp")),
            (json!({"exp": NOW.as_secs() - 60}), TokenError::Expired),
            (json!({"exp": "soon"}), TokenError::ClaimMalformed("exp")),
            (json!({"nbf": NOW.as_secs() + 61}), TokenError::NotYetValid),
            (json!({"sub": 7}), TokenError::ClaimMalformed("sub")),
            (json!({"token_use": "refresh_token"}), TokenError::Type),
            (json!({"token_use": "id"}), TokenError::Type),
            (json!({"token_type": "N_A"}), TokenError::Type),
            (json!({"token_type": 7}), TokenError::ClaimMalformed("token_type")),
            (json!({"typ": "Refresh"}), TokenError::Type),
            (json!({"token_type": "DPoP"}), TokenError::Binding),
        ] {
            assert_eq!(judged(&changes).unwrap_err(), error, "{changes}");
        }
    }

    #[test]
    fn a_signed_response_is_the_issuers_and_for_this_client() {
        let pair = Pair::new();
        let whole = |changes: Value| {
            let mut claims = json!({"iss": "i", "aud": "gateway", "iat": NOW.as_secs(),
                "token_introspection": content(&json!({}))});
            claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            claims
        };
        let verify = |typ: &Value, claims: &Value, key: &Pair| {
            let token = key.sign(typ, claims);
            let parsed = UnverifiedIntrospection::parse(&token)?;
            let moment = (NOW, Duration::from_secs(60));
            parsed.verify(&[pair.key()], (&[Algorithm::Es256], &IssuerRule::of("i")), "gateway", moment)
        };
        let typ = json!({"typ": "token-introspection+jwt"});
        assert!(verify(&typ, &whole(json!({})), &pair).unwrap().is_active());
        assert!(verify(&typ, &whole(json!({"aud": ["x", "gateway"]})), &pair).is_ok());
        for other in [json!({}), json!({"typ": "JWT"}), json!({"typ": "at+jwt"}), json!({"typ": "secevent+jwt"})] {
            assert_eq!(verify(&other, &whole(json!({})), &pair).unwrap_err(), IntrospectionError::Type, "{other}");
        }
        let signed = |error: TokenError| IntrospectionError::Signed(error);
        for (changes, error) in [
            (json!({"iss": "j"}), signed(TokenError::IssuerUnknown)),
            (json!({"aud": "other"}), signed(TokenError::Audience)),
            (json!({"aud": null}), signed(TokenError::Audience)),
            (json!({"iat": null}), signed(TokenError::ClaimMissing("iat"))),
            (json!({"iat": NOW.as_secs() + 61}), signed(TokenError::NotYetValid)),
            (json!({"iat": NOW.as_secs() - 121}), signed(TokenError::Expired)),
            (json!({"nbf": NOW.as_secs() + 61}), signed(TokenError::NotYetValid)),
            (json!({"exp": NOW.as_secs() - 60}), signed(TokenError::Expired)),
            (json!({"exp": "soon"}), signed(TokenError::ClaimMalformed("exp"))),
            (json!({"token_introspection": null, "active": true}), IntrospectionError::Content),
            (json!({"token_introspection": [true]}), IntrospectionError::Content),
            (json!({"token_introspection": {}}), IntrospectionError::Active),
        ] {
            assert_eq!(verify(&typ, &whole(changes.clone()), &pair).unwrap_err(), error, "{changes}");
        }
        let foreign = verify(&typ, &whole(json!({})), &Pair::new()).unwrap_err();
        assert_eq!(foreign, signed(TokenError::Signature));
    }
}
