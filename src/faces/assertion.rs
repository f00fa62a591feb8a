//! The signed assertion: who calls, as a JWT (RFC 7519) that a backend can verify.
//!
//! It is for backends behind a proxy that can't remove every spelling of an identity field: what is signed can't be forged. It is
//! short-lived, and names no request, so that it is worth nothing later or to another audience.

use std::time::Duration;

use ::http::{HeaderName, HeaderValue};
use mfa_gateway_core::policy::Proof;
use serde_json::{Value, json};

use crate::gateway::Granted;
use crate::oidc::SigningKey;

/// The field that holds it.
pub(super) static ASSERTION: HeaderName = HeaderName::from_static("mfa-assertion");

/// Where an authorizer publishes the keys of its assertions.
pub(super) const KEYS_PATH: &str = "/.well-known/jwks.json";

/// What signs assertions, and what they say besides who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertions {
    /// The first signs. The others are published too, so that a new key can take over.
    pub keys: Vec<SigningKey>,
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
}

impl Assertions {
    /// Adds the assertion to a permit that has a caller.
    pub(super) fn attach(&self, granted: &mut Granted) {
        let Some(proof) = &granted.proof else { return };
        let claims = self.claims(proof, granted);
        let signed = self.keys.first().and_then(|key| key.sign(&claims).ok());
        // Without it, the backend refuses the request: nothing is permitted by what lacks.
        if let Some(assertion) = signed.and_then(|text| HeaderValue::try_from(text).ok()) {
            granted.told.insert(&ASSERTION, assertion);
            granted.unset.retain(|name| *name != ASSERTION);
        }
    }

    fn claims(&self, proof: &Proof, granted: &Granted) -> Value {
        let (application, user) = (proof.principal.app().id.as_deref(), proof.principal.user());
        let user = user.and_then(|user| user.id.as_deref());
        let now = granted.at.as_secs();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now.saturating_add(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX)),
            "jti": granted.random.uuid(),
            "sub": user.or(application),
            "class": proof.principal.class(),
            "grounds": granted.grounds,
            "token_issuer": *proof.issuer.name,
        });
        let known = [("tid", proof.tenant.as_deref()), ("client_id", application), ("oid", user)];
        for (name, value) in known {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        let methods: Vec<&str> = proof.amr.methods().iter().map(String::as_str).collect();
        if !methods.is_empty() {
            claims["amr"] = json!(methods);
        }
        claims
    }

    /// The key set (RFC 7517 section 5).
    pub(super) fn key_set(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().filter_map(SigningKey::public_jwk).collect();
        json!({ "keys": keys }).to_string()
    }
}
