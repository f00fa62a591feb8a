//! A signature key: one JWK, checked and parsed once.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::signature::Verifier;
use serde_json::Value;

use super::algorithm::KeyType;
use super::json::strings;
use super::verifiers::Verifiers;
use super::{Algorithm, TokenError};

/// A public key that may verify tokens.
pub struct Key {
    pub(super) kid: String,
    pub(super) key_type: KeyType,
    pinned: Option<Algorithm>,
    verifiers: Verifiers,
    issuer: Option<String>,
    cloud_instance: Option<String>,
    pub(super) jwk: Value,
    retired: AtomicBool,
}

/// Why an entry of a key set isn't used. The other entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub(super) &'static str);

impl Key {
    /// Checks a JWK (RFC 7517) and parses its key.
    ///
    /// # Errors
    ///
    /// If it isn't a public key for signatures of a known kind, or it is weak or broken.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let kid = member(jwk, "kid")?.ok_or(KeyError("it has no kid"))?.to_owned();
        if member(jwk, "use")?.is_some_and(|usage| usage != "sig") {
            return Err(KeyError("its use is not sig"));
        }
        if let Some(operations) = jwk.get("key_ops") {
            let operations = strings(operations).ok_or(KeyError("its key_ops is not an array of strings"))?;
            if !operations.contains(&"verify") {
                return Err(KeyError("its key_ops has no verify"));
            }
        }
        // Every reader of the key set could sign with a key whose private part is published.
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.get(name).is_some()) {
            return Err(KeyError("it contains private or symmetric key material"));
        }
        let (key_type, verifiers) = match member(jwk, "kty")? {
            Some("RSA") => (KeyType::Rsa, rsa(jwk)?),
            Some("EC") => ec(jwk)?,
            Some("OKP") => (KeyType::Ed25519, ed25519(jwk)?),
            _ => return Err(KeyError("its kty is not RSA, EC or OKP")),
        };
        let pinned = member(jwk, "alg")?
            .map(|name| name.parse().map_err(|()| KeyError("its alg is not an accepted signature algorithm")))
            .transpose()?;
        if pinned.is_some_and(|algorithm: Algorithm| algorithm.key_type() != key_type) {
            return Err(KeyError("its alg does not fit its kty and crv"));
        }
        Ok(Self {
            kid,
            key_type,
            pinned,
            verifiers,
            issuer: member(jwk, "issuer")?.map(str::to_owned),
            cloud_instance: member(jwk, "cloud_instance_name")?.map(str::to_owned),
            jwk: jwk.clone(),
            retired: AtomicBool::new(false),
        })
    }

    /// Its id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
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

/// A member that may be absent, but not of another type than string.
fn member<'j>(jwk: &'j Value, name: &str) -> Result<Option<&'j str>, KeyError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyError("a member that must be a string has another type")),
    }
}

fn bytes(jwk: &Value, name: &str) -> Result<Vec<u8>, KeyError> {
    let text = member(jwk, name)?.ok_or(KeyError("a member of its key is missing"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError("a member of its key is not unpadded base64url"))
}

fn rsa(jwk: &Value) -> Result<Verifiers, KeyError> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    // Some issuers write a leading zero octet, as ASN.1 does; the library loads such a key and never verifies with it.
    let (n, e) = (unsigned(&n), unsigned(&e));
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError("its RSA modulus is not 2048 to 8192 bits"));
    }
    let exponent = e.iter().fold(0_u64, |value, &byte| value.saturating_mul(256).saturating_add(u64::from(byte)));
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
    if !odd(n) || exponent & 1 == 0 || !(3..=u64::from(u32::MAX)).contains(&exponent) {
        return Err(KeyError("its RSA modulus or exponent is not valid for a key"));
    }
    if has_roca_fingerprint(n) {
        return Err(KeyError("its RSA modulus can be factored (CVE-2017-15361)"));
    }
    Ok(Verifiers::rsa(n, e))
}

/// Whether the modulus was made by the library that made factorable ones (ROCA, CVE-2017-15361): modulo each of these
/// primes it is a power of 65537. Of other moduli one in 200 million is.
fn has_roca_fingerprint(n: &[u8]) -> bool {
    [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157].into_iter().all(|prime: u32| {
        let rest = n.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * (65537 % prime) % prime));
        powers.take(prime as usize).any(|power| power == rest)
    })
}

/// The number without its leading zero octets.
fn unsigned(octets: &[u8]) -> &[u8] {
    &octets[octets.iter().take_while(|&&octet| octet == 0).count()..]
}

fn ec(jwk: &Value) -> Result<(KeyType, Verifiers), KeyError> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    let (key_type, algorithm, length) = match member(jwk, "crv")? {
        Some("P-256") => (KeyType::P256, Algorithm::Es256, 32),
        Some("P-384") => (KeyType::P384, Algorithm::Es384, 48),
        _ => return Err(KeyError("its crv is not P-256 or P-384")),
    };
    if x.len() != length || y.len() != length {
        return Err(KeyError("its coordinates do not have the curve's length"));
    }
    // Parsing checks that the point lies on the curve.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let verifiers = Verifiers::point(algorithm, &point).ok_or(KeyError("its point is not on the curve"))?;
    Ok((key_type, verifiers))
}

/// The points of Ed25519 with a small order, as RFC 8032 encodes them without the sign bit, and their encodings that
/// aren't reduced. Under such a key one signature fits many messages.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn ed25519(jwk: &Value) -> Result<Verifiers, KeyError> {
    if member(jwk, "crv")? != Some("Ed25519") {
        return Err(KeyError("its crv is not Ed25519"));
    }
    let x = bytes(jwk, "x")?;
    let mut unsigned = x.clone();
    let Some(last) = unsigned.get_mut(31) else { return Err(KeyError("its point is not 32 bytes")) };
    *last &= 0x7f;
    let hex = unsigned.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    if x.len() != 32 || SMALL_ORDER.contains(&hex.as_str()) {
        return Err(KeyError("its point is not valid for a key"));
    }
    Verifiers::point(Algorithm::EdDsa, &x).ok_or(KeyError("its point is not usable"))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
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
    fn leading_zero_octets_do_not_keep_a_key_from_verifying() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"input", &mut signature).unwrap();
        // The modulus within the DER of an RSAPublicKey of 2048 bits, with the zero octet before it.
        let der = pair.public_key().as_ref();
        let n = &der[8..der.len() - 5];
        for (n, e) in [(&n[1..], "AQAB"), (n, "AQAB"), (n, "AAEAAQ"), (&n[1..], "AAAAAAEAAQ"), (n, "AAAAAAAAAAAAAQAB")]
        {
            let jwk = json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(n), "e": e});
            let key = Key::from_jwk(&jwk).unwrap();
            assert_eq!(key.verify(Algorithm::Rs256, b"input", &signature), Ok(()), "{e}");
            assert_eq!(key.verify(Algorithm::Rs256, b"other", &signature), Err(TokenError::Signature), "{e}");
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
            ("kid", json!(7)),
            ("d", json!("AA")),
        ] {
            assert!(Key::from_jwk(&with(p256(), name, value.clone())).is_err(), "{name} {value}");
        }
        assert!(Key::from_jwk(&with(p256(), "key_ops", json!(["verify"]))).is_ok());
    }
}
