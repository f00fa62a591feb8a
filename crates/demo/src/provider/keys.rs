//! The provider's signing keys: made here, published as a JWK set, rotated on request.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use serde_json::{Value, json};

/// Published keys beyond this many are forgotten, oldest first.
const MAX_PUBLISHED: usize = 8;

/// What PKCS #8 (RFC 5208 §5) puts before the `RSAPrivateKey` of 2048 bits: two heads of four octets, version, algorithm.
/// `aws-lc-rs` writes a key with it, and `jsonwebtoken` reads one without it.
const PKCS8_HEAD: usize = 26;

/// The algorithms of a client's assertion; those with secrets are not among them.
const ASYMMETRIC: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// The keys that are in use, replaced as one.
#[derive(Debug)]
pub(crate) struct KeyRing {
    published: ArcSwap<Published>,
    /// A key that nobody has published, made when it is first needed.
    foreign: OnceLock<Option<SigningKey>>,
}

/// A key set as it is published.
#[derive(Debug)]
pub(crate) struct Published {
    /// The key that signs.
    current: Arc<SigningKey>,
    /// The keys that signed before, newest first.
    old: Vec<Arc<SigningKey>>,
    /// The JWK set (RFC 7517 §5).
    pub(crate) body: Bytes,
    /// The strong entity tag of the JWK set.
    pub(crate) etag: String,
}

#[derive(Debug)]
struct SigningKey {
    kid: String,
    jwk: Jwk,
    key: EncodingKey,
}

impl KeyRing {
    /// Makes a first key. It takes a while, so not on a thread that serves others.
    pub(crate) fn generate() -> Result<Self, Error> {
        let published = Published::new(Arc::new(SigningKey::generate()?), Vec::new());
        Ok(Self { published: ArcSwap::from_pointee(published), foreign: OnceLock::new() })
    }

    /// What is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Signs with a new key from now on, and returns its id; the old keys stay published unless they are dropped.
    pub(crate) fn rotate(&self, drop_old: bool) -> String {
        match SigningKey::generate() {
            Ok(key) => {
                let key = Arc::new(key);
                self.published.rcu(|before| before.followed_by(&key, drop_old));
                key.kid.clone()
            }
            Err(error) => {
                tracing::error!(%error, "could not make a signing key; the old one stays in use");
                self.published().kid().to_owned()
            }
        }
    }

    /// Signs claims with the current key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    /// The header that a token of the current key has.
    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": "RS256", "kid": self.published().kid() })
    }

    /// Signs any header and payload with the current key, always with RS256.
    pub(crate) fn sign_with(&self, header: &Value, payload: &Value) -> String {
        signed(header, payload, &self.published().current.key)
    }

    /// Signs any header and payload with a key that isn't published.
    pub(crate) fn sign_foreign(&self, header: &Value, payload: &Value) -> String {
        let foreign = self.foreign.get_or_init(|| SigningKey::generate().ok());
        foreign.as_ref().map(|foreign| signed(header, payload, &foreign.key)).unwrap_or_default()
    }

    /// The claims of a token that one of the published keys signed, whatever its times.
    pub(crate) fn verified(&self, token: &str) -> Option<Value> {
        let published = self.published();
        let mut keys = std::iter::once(&published.current).chain(&published.old);
        keys.find_map(|key| verified_by(&key.jwk, token))
    }
}

/// The claims of a token that this key signed, whatever its times.
pub(crate) fn verified_by(key: &Jwk, token: &str) -> Option<Value> {
    let algorithm = jsonwebtoken::decode_header(token).ok()?.alg;
    if !ASYMMETRIC.contains(&algorithm) {
        return None;
    }
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let key = DecodingKey::from_jwk(key).ok()?;
    jsonwebtoken::decode(token, &key, &validation).ok().map(|token| token.claims)
}

/// A token with any header and payload, signed with a secret.
pub(crate) fn sign_with_secret(header: &Value, payload: &Value, secret: &str) -> String {
    let input = input(header, payload);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A token with any header and payload, and no signature.
pub(crate) fn unsigned(header: &Value, payload: &Value) -> String {
    format!("{}.", input(header, payload))
}

fn signed(header: &Value, payload: &Value, key: &EncodingKey) -> String {
    let input = input(header, payload);
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), key, Algorithm::RS256);
    or_nothing(signature.map(|signature| format!("{input}.{signature}")))
}

fn input(header: &Value, payload: &Value) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{payload}")
}

impl Published {
    fn new(current: Arc<SigningKey>, old: Vec<Arc<SigningKey>>) -> Self {
        let keys: Vec<_> = std::iter::once(&current).chain(&old).map(|key| &key.jwk).collect();
        let body = format!("{:#}\n", json!({ "keys": keys }));
        let etag = format!("\"{}\"", sha256(body.as_bytes()));
        Self { current, old, body: Bytes::from(body), etag }
    }

    fn followed_by(&self, key: &Arc<SigningKey>, drop_old: bool) -> Self {
        let mut old = Vec::new();
        if !drop_old {
            old.push(Arc::clone(&self.current));
            old.extend(self.old.iter().take(MAX_PUBLISHED - 2).cloned());
        }
        Self::new(Arc::clone(key), old)
    }

    /// The id of the key that signs.
    pub(crate) fn kid(&self) -> &str {
        &self.current.kid
    }
}

impl SigningKey {
    fn generate() -> Result<Self, Error> {
        let der = RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| pair.as_der());
        let der = der.map_err(|_| ErrorKind::InvalidRsaKey("it could not be made".to_owned()))?;
        let key = EncodingKey::from_rsa_der(der.as_ref().get(PKCS8_HEAD..).unwrap_or_default());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_id = Some(kid.clone());
        Ok(Self { kid, jwk, key })
    }
}

/// The token, or if signing failed an empty one, which nobody will accept.
fn or_nothing(token: Result<String, Error>) -> String {
    token.unwrap_or_else(|error| {
        tracing::error!(%error, "could not sign a token");
        String::new()
    })
}

/// The SHA-256 of `bytes`, in unpadded base64url.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::RsaPublicKeyComponents;

    use super::*;

    fn kids(keys: &KeyRing) -> Vec<String> {
        let set: Value = serde_json::from_slice(&keys.published().body).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_signature_verifies_with_the_published_key() {
        let keys = KeyRing::generate().unwrap();
        let token = keys.sign(&json!({ "sub": "jane" }));
        let (input, signature) = token.rsplit_once('.').unwrap();
        let set: Value = serde_json::from_slice(&keys.published().body).unwrap();
        let member = |name: &str| URL_SAFE_NO_PAD.decode(set["keys"][0][name].as_str().unwrap()).unwrap();
        let public = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256, input.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn only_the_own_keys_are_believed() {
        let keys = KeyRing::generate().unwrap();
        let (header, claims) = (keys.header(), json!({ "sub": "jane", "exp": 0 }));
        let before = keys.sign(&claims);
        let _ = keys.rotate(false);
        assert_eq!(keys.verified(&before), Some(claims.clone()));
        assert_eq!(keys.verified(&keys.sign_foreign(&header, &claims)), None);
        assert_eq!(keys.verified(&sign_with_secret(&json!({ "alg": "HS256" }), &claims, "secret")), None);
        assert_eq!(keys.verified(&unsigned(&json!({ "alg": "none" }), &claims)), None);
    }

    #[test]
    fn rotation_keeps_old_keys_unless_told_to_drop_them() {
        let keys = KeyRing::generate().unwrap();
        let (first, tag) = (kids(&keys), keys.published().etag.clone());
        let second = keys.rotate(false);
        assert_eq!(kids(&keys), [second, first[0].clone()]);
        assert_ne!(keys.published().etag, tag);
        let third = keys.rotate(true);
        assert_eq!(kids(&keys), [third]);
    }
}
