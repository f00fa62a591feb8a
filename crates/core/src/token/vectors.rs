//! Signatures that others thought of, right ones and every kind of wrong one (`tests/vectors/`).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::compact::Signed;
use super::second_opinion::others_accept;
use super::{Algorithm, Key, KeySet, TokenError};

/// Signatures of one algorithm. A test has an id, a comment, a message, a signature and the result that is right.
#[derive(Deserialize)]
struct Signatures {
    algorithm: String,
    groups: Vec<KeyGroup>,
}

#[derive(Deserialize)]
struct KeyGroup {
    jwk: Value,
    tests: Vec<(u32, String, String, String, Right)>,
}

/// Whole tokens. A test has an id, a comment, the token and the result that is right.
#[derive(Deserialize)]
struct Tokens {
    groups: Vec<TokenGroup>,
}

#[derive(Deserialize)]
struct TokenGroup {
    keys: Vec<Value>,
    tests: Vec<(u32, String, String, Right)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Right {
    Valid,
    Invalid,
    /// Some verifiers take it. This one doesn't: there is one way to encode a signature.
    Acceptable,
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let file = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_signature_verifies_if_and_only_if_it_is_valid() {
    use base64::Engine;
    let decode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for name in [
        "rsa_signature_2048_sha256",
        "rsa_signature_2048_sha384",
        "rsa_signature_2048_sha512",
        "rsa_pss_2048_sha256_mgf1_32",
        "rsa_pss_2048_sha384_mgf1_48",
        "rsa_pss_4096_sha512_mgf1_64",
        "ecdsa_secp256r1_sha256_p1363",
        "ecdsa_secp384r1_sha384_p1363",
        "ecdsa_secp521r1_sha512_p1363",
        "ed25519",
    ] {
        let file: Signatures = read(name);
        let algorithm: Algorithm = file.algorithm.parse().unwrap();
        for group in file.groups {
            let key = Key::from_jwk(&group.jwk);
            for (id, comment, message, signature, right) in group.tests {
                let verified =
                    key.as_ref().is_ok_and(|key| key.verify(algorithm, &decode(&message), &decode(&signature)).is_ok());
                count += 1;
                let second =
                    key.is_ok() && others_accept(&group.jwk, algorithm, &decode(&message), &decode(&signature));
                if (verified, second) != (right == Right::Valid, right == Right::Valid) {
                    wrong.push(format!(
                        "{name} {id} ({comment}): {right:?}, verified is {verified}, by others {second}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 1000, "only {count} vectors");
}

/// Verifies a JWS as a token's is, but for its payload, which needn't be claims.
fn verify(token: &str, keys: &[Value]) -> Result<(), TokenError> {
    let document = json!({ "keys": keys }).to_string();
    let keys = KeySet::parse(document.as_bytes(), None).map_err(|_| TokenError::KeyUnknown)?;
    let signed = Signed::parse(token, &["jwt"])?;
    let algorithm = signed.algorithm.ok_or(TokenError::Algorithm)?;
    let candidates = keys.find(signed.name.hint(), algorithm)?;
    let verify = |key: &std::sync::Arc<Key>| key.verify(algorithm, signed.input.as_bytes(), &signed.signature);
    if candidates.iter().any(|key| verify(key).is_ok()) { Ok(()) } else { Err(TokenError::Signature) }
}

#[test]
fn a_token_verifies_if_and_only_if_it_is_valid_and_its_key_may_sign() {
    let mut wrong = Vec::new();
    for name in ["json_web_signature", "json_web_key"] {
        for group in read::<Tokens>(name).groups {
            // Symmetric keys are valid there, and never here.
            let foreign = |key: &Value| key["kty"] == "oct";
            let never = group.keys.iter().all(foreign);
            for (id, comment, token, right) in group.tests {
                // Figure 20 of RFC 7520 is signed with PS384, and the key's `alg` here is PS256: it may not.
                // And figure 27's key has an `alg` that doesn't exist, ES521.
                let never = never || comment == "Figure20" || comment == "Figure27";
                let verified = verify(&token, &group.keys);
                if verified.is_ok() != (right == Right::Valid && !never) {
                    wrong.push(format!("{name} {id} ({comment}): {right:?}, and verified is {verified:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
