//! What verifies the signatures of a key: `jsonwebtoken`'s [`Verifier`], one for each algorithm, made once.
//!
//! The verifiers are ours, with `aws-lc-rs` below, as it is below `jsonwebtoken`'s own. Those keep a key's octets and
//! parse them for each signature: 28,600 instructions more for an RSA key of 2048 bits, 8 % of what a new token costs.
//! They come as `Box<dyn JwtVerifier>`, which threads can't share. And that trait names its algorithm in
//! `jsonwebtoken`'s own list, which lacks ES512 (version 12).
//!
//! They are made without a `CryptoProvider`. A process has one default, and it is the application's to choose.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::Algorithm;
use super::algorithm::KeyType;

/// The verifiers of one key.
pub(super) enum Verifiers {
    /// Each is made when it is first asked for: a set may have many keys, and tokens of few.
    Rsa(DecodingKey, Box<[OnceLock<Option<ParsedVerifier>>; Algorithm::RSA.len()]>),
    /// The key is of a kind that has one algorithm.
    One(ParsedVerifier),
}

impl Verifiers {
    /// Of an RSA key whose numbers were checked.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self::Rsa(DecodingKey::from_rsa_raw_components(n, e), Box::default())
    }

    /// Of a point as `aws-lc-rs` takes it, uncompressed but for Ed25519; `None` if it isn't on the algorithm's curve.
    pub(super) fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let key = match algorithm.key_type() {
            KeyType::Ed25519 => DecodingKey::from_ed_der(point),
            KeyType::Rsa | KeyType::P256 | KeyType::P384 | KeyType::P521 => DecodingKey::from_ec_der(point),
        };
        ParsedVerifier::new(algorithm, &key).map(Self::One)
    }

    /// The one for this algorithm.
    pub(super) fn get(&self, algorithm: Algorithm) -> Option<&ParsedVerifier> {
        match self {
            Self::Rsa(key, made) => {
                let at = Algorithm::RSA.into_iter().position(|one| one == algorithm)?;
                made.get(at)?.get_or_init(|| ParsedVerifier::new(algorithm, key)).as_ref()
            }
            Self::One(verifier) => (verifier.algorithm == algorithm).then_some(verifier),
        }
    }
}

/// Verifies signatures of one algorithm with a key that is parsed.
pub(super) struct ParsedVerifier {
    algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl ParsedVerifier {
    /// Parses the key, as a `CryptoProvider`'s `verifier_factory` is asked to; `None` if it isn't the algorithm's.
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Option<Self> {
        if key.family() != algorithm.family() {
            return None;
        }
        let key = match (Parameters::of(algorithm), key.kind()) {
            (Parameters::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
            (Parameters::Point(parameters), DecodingKeyKind::SecretOrDer(point)) => {
                ParsedPublicKey::new(parameters, point)
            }
            _ => return None,
        };
        Some(Self { algorithm, key: key.ok()? })
    }
}

impl Verifier<Vec<u8>> for ParsedVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        self.key.verify_sig(message, signature).map_err(|_| Error::new())
    }
}

/// What `aws-lc-rs` calls an algorithm.
enum Parameters {
    Rsa(&'static RsaParameters),
    /// The key is a point of a curve.
    Point(&'static dyn VerificationAlgorithm),
}

impl Parameters {
    fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Self::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => Self::Rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => Self::Rsa(&RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => Self::Rsa(&RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 => Self::Point(&ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => Self::Point(&ECDSA_P384_SHA384_FIXED),
            Algorithm::Es512 => Self::Point(&ECDSA_P521_SHA512_FIXED),
            Algorithm::EdDsa => Self::Point(&ED25519),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point of Ed25519: 0x66 in each octet but the first is its base point, as RFC 8032 encodes it.
    const POINT: [u8; 32] = {
        let mut point = [0x66; 32];
        point[0] = 0x58;
        point
    };

    #[test]
    fn there_is_one_verifier_for_each_algorithm_of_the_kind_and_it_is_made_once() {
        let rsa = Verifiers::rsa(&[0xff; 256], &[1, 0, 1]);
        for algorithm in Algorithm::ALL {
            let verifier = rsa.get(algorithm);
            assert_eq!(verifier.is_some(), Algorithm::RSA.contains(&algorithm), "{algorithm:?}");
            let Some(verifier) = verifier else { continue };
            assert_eq!(verifier.algorithm, algorithm);
            assert!(std::ptr::eq(verifier, rsa.get(algorithm).unwrap()), "{algorithm:?}");
        }
        let ed25519 = Verifiers::point(Algorithm::EdDsa, &POINT).unwrap();
        for algorithm in Algorithm::ALL {
            assert_eq!(ed25519.get(algorithm).is_some(), algorithm == Algorithm::EdDsa, "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_makes_no_verifier_for_an_algorithm_of_another_kind() {
        let keys = [
            DecodingKey::from_rsa_raw_components(&[0xff; 256], &[1, 0, 1]),
            DecodingKey::from_ec_der(&POINT),
            DecodingKey::from_ed_der(&POINT),
            DecodingKey::from_secret(&POINT).unwrap(),
        ];
        let made = keys.each_ref().map(|key| {
            Algorithm::ALL.into_iter().filter(|one| ParsedVerifier::new(*one, key).is_some()).collect::<Vec<_>>()
        });
        assert_eq!(made, [Algorithm::RSA.to_vec(), vec![], vec![Algorithm::EdDsa], vec![]]);
    }

    #[test]
    fn a_verifier_is_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Verifiers>();
    }
}
