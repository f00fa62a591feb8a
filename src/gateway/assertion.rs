//! The signed assertion: who calls, as a JWT (RFC 7519) that a backend can verify.
//!
//! It is for backends that can't be sure that a field came from the gateway: because the proxy before them can't remove every
//! spelling of an identity field, or because others reach them too. What is signed can't be forged. It is short-lived, and names no
//! request, so that it is worth nothing later or to another audience.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response};
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::{Grounds, Proof};
use mfa_gateway_core::random::Random;
use mfa_gateway_wire::RawFields;
use serde_json::{Value, json};

use crate::oidc::SigningKey;

/// The field that holds it.
pub(crate) static ASSERTION: HeaderName = HeaderName::from_static("mfa-assertion");

/// Where the keys of assertions are published.
pub(crate) const KEYS_PATH: &str = "/.well-known/jwks.json";

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

/// Adds the assertion to the fields for an upstream that gets it, if somebody calls.
pub(super) fn tell(
    assertions: Option<&Assertions>,
    (grounds, proof): (&Grounds, Option<&Proof>),
    (clock, random): (&Clock, &Random),
    told: &mut RawFields,
) {
    let Some((assertions, proof)) = assertions.zip(proof) else { return };
    if let Some(assertion) = assertions.sign(proof, grounds.code(), (clock.now(), random)) {
        told.push(&ASSERTION, &assertion);
    }
}

impl Assertions {
    /// Says who calls, on these grounds, if that has an id. Without an assertion, the backend refuses the request: nothing is
    /// permitted by what lacks.
    pub(crate) fn sign(&self, proof: &Proof, grounds: &str, (at, random): (Timestamp, &Random)) -> Option<HeaderValue> {
        let claims = self.claims(proof, grounds, (at, random))?;
        let signed = self.keys.first().and_then(|key| key.sign(&claims).ok());
        signed.and_then(|text| HeaderValue::try_from(text).ok())
    }

    fn claims(&self, proof: &Proof, grounds: &str, (at, random): (Timestamp, &Random)) -> Option<Value> {
        let (application, user) = (proof.principal.app().id.as_deref(), proof.principal.user());
        // An application's id is never taken for that of a user who has none.
        let subject = user.map_or(application, |user| user.id.as_deref())?;
        let user = user.map(|_| subject);
        let now = at.as_secs();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "exp": now.saturating_add(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX)),
            "jti": random.uuid(),
            "sub": subject,
            "class": proof.principal.class(),
            "grounds": grounds,
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
        Some(claims)
    }

    /// The response with the key set (RFC 7517 section 5), which anybody may know.
    pub(crate) fn published(&self) -> Response<Bytes> {
        let keys: Vec<Value> = self.keys.iter().filter_map(SigningKey::public_jwk).collect();
        let mut response = Response::new(Bytes::from(json!({ "keys": keys }).to_string()));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        response
    }
}
