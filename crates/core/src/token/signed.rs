//! Tokens that are really signed, for tests.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Algorithm, AuthTimeForm, ClientTokenRules, IssuerRule, Key, MAX_TOKEN_AGE};
use crate::clock::Timestamp;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The rules of issuer `i` for client `c`.
pub(super) fn rules() -> ClientTokenRules {
    ClientTokenRules {
        issuer: IssuerRule::Exact("i".to_owned()),
        client_id: "c".to_owned(),
        required: Vec::new(),
        algorithms: vec![Algorithm::Es256],
        clock_skew: Duration::from_secs(60),
        max_token_age: MAX_TOKEN_AGE,
        auth_time: AuthTimeForm::Seconds,
    }
}

/// A new key of P-256.
pub(super) struct Pair(EcdsaKeyPair);

impl Pair {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn key(&self) -> Arc<Key> {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        Arc::new(Key::from_jwk(&json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y})).unwrap())
    }

    /// Signs claims under a header that has `alg` besides these members, unless they say another.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let mut members = json!({"alg": "ES256"});
        members.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let input = format!("{}.{}", encode(&members), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
