//! Whether others accept the signatures that [`Key`] accepts, and refuse those that it refuses.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde_json::{Value, json};

use super::algorithm::KeyType;
use super::{Algorithm, Key};

/// Whether the others accept a signature. Those are of one mind, but that `jsonwebtoken` has no ES512.
pub(super) fn others_accept(jwk: &Value, algorithm: Algorithm, input: &[u8], signature: &Vec<u8>) -> bool {
    let second = aws_lc_rs_accepts(jwk, algorithm, input, signature).unwrap_or(false);
    if algorithm == Algorithm::Es512 || jwk["crv"] == "P-521" {
        return second;
    }
    let third = jsonwebtoken_accepts(jwk, algorithm, input, signature).unwrap_or(false);
    assert_eq!(second, third, "{algorithm:?}, {jwk}: {signature:?}");
    second
}

/// `None` if the key isn't one for the algorithm.
fn aws_lc_rs_accepts(jwk: &Value, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Option<bool> {
    let member = |name| jwk[name].as_str().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
    let rsa = |parameters: &RsaParameters| {
        let key = RsaPublicKeyComponents { n: member("n")?, e: member("e")? };
        Some(key.verify(parameters, input, signature).is_ok())
    };
    let point = |parameters: &'static dyn VerificationAlgorithm, point: Vec<u8>| {
        Some(UnparsedPublicKey::new(parameters, point).verify(input, signature).is_ok())
    };
    let uncompressed = || Some([vec![4], member("x")?, member("y")?].concat());
    match algorithm {
        Algorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => point(&ECDSA_P256_SHA256_FIXED, uncompressed()?),
        Algorithm::Es384 => point(&ECDSA_P384_SHA384_FIXED, uncompressed()?),
        Algorithm::Es512 => point(&ECDSA_P521_SHA512_FIXED, uncompressed()?),
        Algorithm::EdDsa => point(&ED25519, member("x")?),
    }
}

/// Asks the verifiers that it brings along. `None` if the key isn't one for the algorithm.
fn jsonwebtoken_accepts(jwk: &Value, algorithm: Algorithm, input: &[u8], signature: &Vec<u8>) -> Option<bool> {
    let key = DecodingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap()).unwrap();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.name().parse().unwrap(), &key).ok()?;
    Some(verifier.verify(input, signature).is_ok())
}

/// Signs with a new key.
type Sign = Box<dyn Fn(Algorithm, &[u8]) -> Vec<u8>>;

/// A new key of this kind: its public half, fit for every algorithm of its kind, and what signs with it.
fn key(kind: KeyType) -> (Value, Sign) {
    let ec = |parameters, curve, length| {
        let pair = EcdsaKeyPair::generate(parameters).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(length);
        let jwk = json!({"kty": "EC", "crv": curve, "kid": "k", "x": encode(x), "y": encode(y)});
        let sign: Sign = Box::new(move |_, input| pair.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec());
        (jwk, sign)
    };
    match kind {
        KeyType::Rsa => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            // The modulus within the DER of an RSAPublicKey of 2048 bits.
            let der = pair.public_key().as_ref();
            let jwk = json!({"kty": "RSA", "kid": "k", "n": encode(&der[9..der.len() - 5]), "e": "AQAB"});
            let sign = move |algorithm, input: &[u8]| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding(algorithm), &SystemRandom::new(), input, &mut signature).unwrap();
                signature
            };
            (jwk, Box::new(sign))
        }
        KeyType::P256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32),
        KeyType::P384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48),
        KeyType::P521 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", 66),
        KeyType::Ed25519 => {
            let pair = Ed25519KeyPair::generate().unwrap();
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encode(pair.public_key().as_ref())});
            (jwk, Box::new(move |_, input| pair.sign(input).as_ref().to_vec()))
        }
    }
}

fn encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        other => unreachable!("{other:?} is not of RSA keys"),
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
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
fn ours_and_the_others_accept_the_same_signatures() {
    let kinds = [KeyType::Rsa, KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519];
    for kind in kinds {
        let ((jwk, sign), (other, _)) = (key(kind), key(kind));
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_type() == kind) {
            let right = sign(algorithm, b"input");
            let agree = |jwk: &Value, claimed: Algorithm, input: &[u8], signature: &Vec<u8>| {
                let ours = Key::from_jwk(jwk).unwrap().verify(claimed, input, signature).is_ok();
                let theirs = others_accept(jwk, claimed, input, signature);
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
