//! The numbers and points of a public key, and which of them are too weak or broken to verify anything with.

use serde_json::Value;

use super::algorithm::KeyType;
use super::jwk::{octets, padded, text, unsigned};
use super::verifiers::Verifiers;
use super::{Algorithm, KeyError};

/// The key that a JWK describes, and its kind.
pub(super) fn read(jwk: &Value) -> Result<(KeyType, Verifiers), KeyError> {
    match text(jwk, "kty")? {
        Some("RSA") => Ok((KeyType::Rsa, rsa(jwk)?)),
        Some("EC") => ec(jwk),
        Some("OKP") => Ok((KeyType::Ed25519, ed25519(jwk)?)),
        Some("oct") => Err(KeyError::Other("it is symmetric (kty oct)")),
        _ => Err(KeyError::Other("its kty is not RSA, EC or OKP")),
    }
}

fn rsa(jwk: &Value) -> Result<Verifiers, KeyError> {
    let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
    // Some issuers write a leading zero octet, as ASN.1 does; the library loads such a key and never verifies with it.
    let (n, e) = (unsigned(&n), unsigned(&e));
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::Other("its RSA modulus is not 2048 to 8192 bits"));
    }
    let exponent = e.iter().fold(0_u64, |value, &byte| value.saturating_mul(256).saturating_add(u64::from(byte)));
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
    if !odd(n) || exponent & 1 == 0 || !(3..=u64::from(u32::MAX)).contains(&exponent) {
        return Err(KeyError::Other("its RSA modulus or exponent is not valid for a key"));
    }
    if has_roca_fingerprint(n) {
        return Err(KeyError::Other("its RSA modulus can be factored (CVE-2017-15361)"));
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

fn ec(jwk: &Value) -> Result<(KeyType, Verifiers), KeyError> {
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    let (key_type, algorithm, length) = match text(jwk, "crv")? {
        Some("P-256") => (KeyType::P256, Algorithm::Es256, 32),
        Some("P-384") => (KeyType::P384, Algorithm::Es384, 48),
        Some("P-521") => (KeyType::P521, Algorithm::Es512, 66),
        _ => return Err(KeyError::Other("its crv is not P-256, P-384 or P-521")),
    };
    // Some publishers leave leading zero octets out, or write one more, as ASN.1 does.
    let (Some(x), Some(y)) = (padded(&x, length), padded(&y, length)) else {
        return Err(KeyError::Other("its coordinates are longer than those of the curve"));
    };
    // Parsing checks that the point lies on the curve.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let verifiers = Verifiers::point(algorithm, &point).ok_or(KeyError::Other("its point is not on the curve"))?;
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
    if text(jwk, "crv")? != Some("Ed25519") {
        return Err(KeyError::Other("its crv is not Ed25519"));
    }
    let x = octets(jwk, "x")?;
    let mut unsigned = x.clone();
    let Some(last) = unsigned.get_mut(31) else { return Err(KeyError::Other("its point is not 32 bytes")) };
    *last &= 0x7f;
    let hex = unsigned.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    if x.len() != 32 || SMALL_ORDER.contains(&hex.as_str()) {
        return Err(KeyError::Other("its point is not valid for a key"));
    }
    Verifiers::point(Algorithm::EdDsa, &x).ok_or(KeyError::Other("its point is not usable"))
}
