//! The provider's signing keys: made here, published as a JWK set, rotated on request.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};

/// Published keys beyond this many are forgotten, oldest first.
const MAX_PUBLISHED: usize = 8;

/// The DER of an `RSAPublicKey` (RFC 8017 §A.1.1) of 2048 bits with the exponent 65537 is the modulus between these.
const DER_HEAD: [u8; 9] = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
const DER_TAIL: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];

/// The exponent 65537, encoded.
const EXPONENT: &str = "AQAB";

/// The keys that are in use, replaced as one.
#[derive(Debug)]
pub(crate) struct KeyRing(ArcSwap<Published>);

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
    modulus: String,
    pair: RsaKeyPair,
}

impl KeyRing {
    /// Makes a first key. It takes a while, so not on a thread that serves others.
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        Ok(Self(ArcSwap::from_pointee(Published::new(Arc::new(SigningKey::generate()?), Vec::new()))))
    }

    /// What is published now.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.0.load_full()
    }

    /// Signs with a new key from now on, and returns its id; the old keys stay published unless they are dropped.
    pub(crate) fn rotate(&self, drop_old: bool) -> String {
        match SigningKey::generate() {
            Ok(key) => {
                let key = Arc::new(key);
                self.0.rcu(|before| before.followed_by(&key, drop_old));
                key.kid.clone()
            }
            Err(error) => {
                tracing::error!(%error, "could not make a signing key; the old one goes on");
                self.published().kid().to_owned()
            }
        }
    }

    /// Signs claims with the current key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let published = self.published();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": published.kid() });
        published.current.sign(&header, claims)
    }

    /// Signs any header and payload with the current key, always with RS256.
    pub(crate) fn sign_with(&self, header: &Value, payload: &Value) -> String {
        self.published().current.sign(header, payload)
    }
}

impl Published {
    fn new(current: Arc<SigningKey>, old: Vec<Arc<SigningKey>>) -> Self {
        let keys: Vec<_> = std::iter::once(&current).chain(&old).map(|key| key.jwk()).collect();
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
    fn generate() -> Result<Self, Unspecified> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let der = pair.public_key().as_ref();
        let modulus = der.strip_prefix(&DER_HEAD).and_then(|der| der.strip_suffix(&DER_TAIL)).ok_or(Unspecified)?;
        let modulus = URL_SAFE_NO_PAD.encode(modulus);
        // The thumbprint of RFC 7638 §3: the required members in lexical order, without white space.
        let kid = sha256(format!(r#"{{"e":"{EXPONENT}","kty":"RSA","n":"{modulus}"}}"#).as_bytes());
        Ok(Self { kid, modulus, pair })
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.modulus, "e": EXPONENT })
    }

    /// The compact form (RFC 7515 §3.1). If signing fails, the signature is empty and nobody will accept the token.
    fn sign(&self, header: &Value, payload: &Value) -> String {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{payload}");
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature);
        if let Err(error) = signed {
            tracing::error!(%error, "could not sign a token");
            signature.clear();
        }
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
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
