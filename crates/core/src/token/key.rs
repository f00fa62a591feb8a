//! A signature key: one JWK, checked and parsed once.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use jsonwebtoken::signature::Verifier;
use serde_json::Value;

use super::algorithm::KeyType;
use super::jwk::{first_of, kid, text, texts, thumbprint};
use super::verifiers::Verifiers;
use super::{Algorithm, KeyError, TokenError, material};

/// A public key that may verify tokens.
pub struct Key {
    kid: Option<String>,
    pub(super) thumbprints: Thumbprints,
    pub(super) key_type: KeyType,
    pinned: Option<Algorithm>,
    verifiers: Verifiers,
    issuer: Option<String>,
    cloud_instance: Option<String>,
    pub(super) identity: Identity,
    retired: AtomicBool,
}

/// What tells an entry of a key set from all others: a digest of all it says.
pub(super) type Identity = [u8; SHA256_OUTPUT_LEN];

/// The thumbprints of a key's certificate (RFC 7517 sections 4.8 and 4.9), as unpadded base64url.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thumbprints {
    pub(super) sha1: Option<Box<str>>,
    pub(super) sha256: Option<Box<str>>,
}

impl Key {
    /// Checks a JWK (RFC 7517) and parses its key.
    ///
    /// # Errors
    ///
    /// If it isn't a public key for signatures of a known kind, or it is weak or broken.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        if text(jwk, "use")?.is_some_and(|usage| usage != "sig") {
            return Err(KeyError::Other("its use is not sig"));
        }
        if texts(jwk, "key_ops")?.is_some_and(|operations| !operations.contains(&"verify")) {
            return Err(KeyError::Other("its key_ops has no verify"));
        }
        // Every reader of the key set could sign with a key whose private part is published.
        if let Some(name) = first_of(jwk, &["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) {
            return Err(KeyError::Private(name));
        }
        let (key_type, verifiers) = material::read(jwk)?;
        let pinned = text(jwk, "alg")?
            .map(|name| name.parse().map_err(|()| KeyError::Other("its alg is not an accepted signature algorithm")))
            .transpose()?;
        if pinned.is_some_and(|algorithm: Algorithm| algorithm.key_type() != key_type) {
            return Err(KeyError::Other("its alg does not fit its kty and crv"));
        }
        Ok(Self {
            kid: kid(jwk)?,
            thumbprints: Thumbprints { sha1: thumbprint(jwk, "x5t"), sha256: thumbprint(jwk, "x5t#S256") },
            key_type,
            pinned,
            verifiers,
            issuer: text(jwk, "issuer")?.map(str::to_owned),
            cloud_instance: text(jwk, "cloud_instance_name")?.map(str::to_owned),
            identity: identity(jwk),
            retired: AtomicBool::new(false),
        })
    }

    /// Its id, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms whose signatures it may verify.
    #[must_use]
    pub fn algorithms(&self) -> Vec<&'static str> {
        Algorithm::ALL.into_iter().filter(|algorithm| self.fits(*algorithm)).map(Algorithm::name).collect()
    }

    /// Whether the key may verify this algorithm: the kinds agree, and a key pinned to one verifies no other.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.pinned.map_or(self.key_type == algorithm.key_type(), |pinned| pinned == algorithm)
    }

    pub(super) fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &Vec<u8>) -> Result<(), TokenError> {
        if !self.fits(algorithm) {
            return Err(TokenError::Algorithm);
        }
        let verifier = self.verifiers.get(algorithm).ok_or(TokenError::Signature)?;
        verifier.verify(input, signature).map_err(|_| TokenError::Signature)
    }

    /// The issuer, or issuer template, that Entra binds the key to.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The cloud that Entra binds the key to.
    pub(super) fn cloud_instance(&self) -> Option<&str> {
        self.cloud_instance.as_deref()
    }

    /// Marks the key as no longer published. Cached verifications that rest on it end with it.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Whether the key is no longer published.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("key_type", &self.key_type).finish_non_exhaustive()
    }
}

impl Thumbprints {
    /// Both of them that are there. They differ in length, so that neither is taken for the other.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.sha256.iter().chain(&self.sha1).map(|text| &**text)
    }

    /// Whether these may be of the same certificate as the others: none that both have differs.
    pub(super) fn agree(&self, other: &Self) -> bool {
        let agree = |one: &Option<Box<str>>, other: &Option<Box<str>>| one.is_none() || other.is_none() || one == other;
        agree(&self.sha1, &other.sha1) && agree(&self.sha256, &other.sha256)
    }
}

/// The identity of an entry: its members in one order, so that only what it says counts.
pub(super) fn identity(jwk: &Value) -> Identity {
    let mut identity = Identity::default();
    identity.copy_from_slice(digest(&SHA256, jwk.to_string().as_bytes()).as_ref());
    identity
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn rsa_jwk(bits: usize, e: &str) -> Value {
        let mut n = vec![0xff; bits / 8];
        n[0] = 0x80;
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(n), "e": e})
    }

    fn p256() -> Value {
        // The example of RFC 7517 appendix A.1.
        json!({"kty": "EC", "crv": "P-256", "kid": "e",
               "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
               "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    #[test]
    fn weak_or_broken_keys_are_refused() {
        assert!(Key::from_jwk(&rsa_jwk(2048, "AQAB")).is_ok());
        assert!(Key::from_jwk(&rsa_jwk(2040, "AQAB")).is_err());
        assert!(Key::from_jwk(&rsa_jwk(1024, "AQAB")).is_err());
        assert!(Key::from_jwk(&rsa_jwk(16384, "AQAB")).is_err());
        for exponent in ["AQ", "AA", "Ag", "AQAA", "AQAAAAAAAAAB", ""] {
            assert!(Key::from_jwk(&rsa_jwk(2048, exponent)).is_err(), "{exponent}");
        }
        assert!(Key::from_jwk(&p256()).is_ok());
        assert!(Key::from_jwk(&with(p256(), "y", json!("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyI"))).is_err());
        assert!(Key::from_jwk(&with(p256(), "crv", json!("P-384"))).is_err());
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": URL_SAFE_NO_PAD.encode([0; 32])});
        assert!(Key::from_jwk(&ed).is_err());
        assert!(Key::from_jwk(&with(ed, "x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))).is_ok());
    }

    #[test]
    fn a_modulus_verifies_in_every_form_in_which_it_is_published() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"input", &mut signature).unwrap();
        // The modulus within the DER of an RSAPublicKey of 2048 bits, with the zero octet before it.
        let der = pair.public_key().as_ref();
        let n = &der[8..der.len() - 5];
        let forms = [
            (URL_SAFE_NO_PAD.encode(&n[1..]), "AQAB"),
            (URL_SAFE_NO_PAD.encode(n), "AQAB"),
            (URL_SAFE_NO_PAD.encode(n), "AAEAAQ"),
            (URL_SAFE_NO_PAD.encode(&n[1..]), "AAAAAAEAAQ=="),
            (URL_SAFE_NO_PAD.encode(n), "AAAAAAAAAAAAAQAB"),
            (STANDARD.encode(&n[1..]), "AQAB"),
            (STANDARD.encode(n), "AQAB"),
            (STANDARD.encode(n).trim_end_matches('=').to_owned(), "AQAB"),
            (STANDARD.encode([&[0, 0], n].concat()), "AQAB"),
        ];
        for (n, e) in forms {
            let jwk =
                json!({"kty": "RSA", "kid": "r", "n": n, "e": e, "d": null, "use": null, "key_ops": [], "x5t": ""});
            let key = Key::from_jwk(&jwk).unwrap();
            assert_eq!(key.verify(Algorithm::Rs256, b"input", &signature), Ok(()), "{n} {e}");
            assert_eq!(key.verify(Algorithm::Rs256, b"other", &signature), Err(TokenError::Signature), "{n} {e}");
        }
    }

    #[test]
    fn a_point_whose_coordinates_begin_with_zeros_verifies_however_they_are_written() {
        let pair = std::iter::repeat_with(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            .find(|pair| pair.public_key().as_ref()[1] == 0)
            .unwrap();
        let point = pair.public_key().as_ref();
        let signature = pair.sign(&SystemRandom::new(), b"input").unwrap().as_ref().to_vec();
        for x in [&point[1..33], &point[2..33], &[&[0], &point[1..33]].concat()] {
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(&point[33..]));
            let key = Key::from_jwk(&json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})).unwrap();
            assert_eq!((key.kid(), key.verify(Algorithm::Es256, b"input", &signature)), (None, Ok(())));
        }
    }

    #[test]
    fn what_is_not_for_verifying_is_not_used() {
        for (name, value) in [
            ("use", json!("enc")),
            ("use", json!(1)),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
            ("alg", json!("HS256")),
            ("alg", json!("ES384")),
            ("alg", json!("none")),
            ("kty", json!("oct")),
            ("kid", json!(7.5)),
            ("d", json!("AA")),
            ("oth", json!([1])),
            ("k", json!(false)),
        ] {
            assert!(Key::from_jwk(&with(p256(), name, value.clone())).is_err(), "{name} {value}");
        }
        assert!(Key::from_jwk(&with(p256(), "key_ops", json!(["verify"]))).is_ok());
    }
}
