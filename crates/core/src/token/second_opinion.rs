//! Whether somebody else's library accepts the signatures that [`Key`] accepts, and refuses those that it refuses.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::algorithm::KeyType;
use super::{Algorithm, Key};

/// Whether `jsonwebtoken` accepts a signature, which is in base64url.
pub(super) fn accepts(jwk: &Value, algorithm: Algorithm, input: &[u8], signature: &str) -> bool {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).unwrap();
    let key = DecodingKey::from_jwk(&jwk).unwrap();
    jsonwebtoken::crypto::verify(signature, input, &key, theirs(algorithm)).unwrap_or(false)
}

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.name().parse().unwrap()
}

/// A new key of this kind. Of RSA keys the library reads only what PKCS #8 wraps.
fn key(kind: KeyType) -> EncodingKey {
    let ec = |algorithm| EcdsaKeyPair::generate(algorithm).unwrap().to_pkcs8v1().unwrap();
    match kind {
        KeyType::Rsa => {
            let der = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap();
            EncodingKey::from_rsa_der(&der.as_ref()[26..])
        }
        KeyType::P256 => EncodingKey::from_ec_der(ec(&ECDSA_P256_SHA256_FIXED_SIGNING).as_ref()),
        KeyType::P384 => EncodingKey::from_ec_der(ec(&ECDSA_P384_SHA384_FIXED_SIGNING).as_ref()),
        KeyType::Ed25519 => {
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = Ed25519KeyPair::generate().unwrap().as_der().unwrap();
            EncodingKey::from_ed_der(der.as_ref())
        }
    }
}

/// The public half, fit for every algorithm of its kind.
fn public(key: &EncodingKey, algorithm: Algorithm) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, theirs(algorithm)).unwrap();
    jwk.common.key_algorithm = None;
    jwk.common.key_id = Some("k".to_owned());
    json!(jwk)
}

/// Signatures made of a right one: with one bit of each octet flipped, cut short, with more, and of nothing.
fn damaged(right: &[u8]) -> Vec<Vec<u8>> {
    let flipped = (0..right.len()).map(|at| {
        let mut signature = right.to_vec();
        signature[at] ^= 1 << (at % 8);
        signature
    });
    let zeros = vec![0; right.len()];
    let ends = [right[1..].to_vec(), right[..right.len() - 1].to_vec(), [right, &[0]].concat(), [&[0], right].concat()];
    flipped.chain(ends).chain([zeros, Vec::new()]).collect()
}

#[test]
fn two_libraries_accept_the_same_signatures() {
    let kinds = [KeyType::Rsa, KeyType::P256, KeyType::P384, KeyType::Ed25519];
    for kind in kinds {
        let (signing, other) = (key(kind), key(kind));
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_type() == kind) {
            let right = jsonwebtoken::crypto::sign(b"input", &signing, theirs(algorithm)).unwrap();
            let right = URL_SAFE_NO_PAD.decode(right).unwrap();
            let (jwk, other) = (public(&signing, algorithm), public(&other, algorithm));
            let agree = |jwk: &Value, claimed: Algorithm, input: &[u8], signature: &[u8]| {
                let ours = Key::from_jwk(jwk).unwrap().verify(claimed, input, signature).is_ok();
                let theirs = accepts(jwk, claimed, input, &URL_SAFE_NO_PAD.encode(signature));
                assert_eq!(ours, theirs, "{algorithm:?} as {claimed:?}, {jwk}: {signature:?}");
                ours
            };
            for claimed in Algorithm::ALL {
                assert_eq!(
                    agree(&jwk, claimed, b"input", &right),
                    claimed == algorithm,
                    "{algorithm:?} as {claimed:?}"
                );
                assert!(!agree(&jwk, claimed, b"inpus", &right), "{algorithm:?} as {claimed:?}");
                assert!(!agree(&other, claimed, b"input", &right), "{algorithm:?} as {claimed:?}");
            }
            for signature in damaged(&right) {
                assert!(!agree(&jwk, algorithm, b"input", &signature), "{algorithm:?}: {signature:?}");
            }
        }
    }
}
