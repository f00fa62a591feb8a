//! Which algorithm verifies with which key (1).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use super::probe::{Expected, Probe, claims, one_of_each_type};
use crate::support::Signer;
use crate::support::rule::with;
use crate::support::signer::{decode, encode, key_set};

use Expected::{Invalid, Permitted};

/// What an entry of a key set may say of its use, and whether it may then verify.
fn uses() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("use", json!("SIG"), false),
        ("use", json!(""), true),
        ("use", json!(null), true),
        ("use", json!(["sig"]), false),
        ("use", json!(false), false),
        ("use", json!(" "), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["sign", "verify"]), true),
        ("key_ops", json!(["sign"]), false),
        ("key_ops", json!(["encrypt"]), false),
        ("key_ops", json!(["Verify"]), false),
        ("key_ops", json!([]), true),
        ("key_ops", json!([""]), false),
        ("key_ops", json!(["verify", 1]), false),
        ("key_ops", json!("verify"), false),
        ("key_ops", json!(null), true),
        ("key_ops", json!({}), false),
    ]
}

/// What an entry may say of its algorithm.
fn pins() -> Vec<Value> {
    let foreign = ["HS256", "none", "ES521", "RSA-OAEP", "rs256", " ", "EdDSA "].map(Value::from);
    Algorithm::ALL.map(|pin| json!(pin.name())).into_iter().chain(foreign).chain([json!(1), json!(["RS256"])]).collect()
}

#[tokio::test]
async fn s01_algorithm_key_type_use_operations_and_pin_must_all_agree() {
    let signers = one_of_each_type();
    let (mut entries, mut cases) = (Vec::new(), Vec::new());
    for signer in &signers {
        let mut variants: Vec<(String, Value, bool, Option<Value>)> =
            vec![("plain".to_owned(), signer.jwk(), true, None)];
        for (name, value, may) in uses() {
            let mut jwk = signer.jwk();
            jwk.as_object_mut().unwrap().remove("use");
            variants.push((format!("{name} {value}"), with(jwk, name, value), may, None));
        }
        let both = with(with(signer.jwk(), "use", json!("enc")), "key_ops", json!(["verify"]));
        variants.push(("use enc, but verify".to_owned(), both, false, None));
        for nothing in [json!(null), json!(""), json!([])] {
            variants.push((format!("alg {nothing}"), with(signer.jwk(), "alg", nothing), true, None));
        }
        for pin in pins() {
            variants.push((format!("alg {pin}"), with(signer.jwk(), "alg", pin.clone()), true, Some(pin)));
        }
        for (what, jwk, may, pin) in variants {
            let kid = format!("{} {what}", signer.kid);
            entries.push(with(jwk, "kid", json!(kid)));
            for algorithm in signer.algorithms() {
                let fits = pin.as_ref().is_none_or(|pin| *pin == algorithm.name());
                cases.push((signer, kid.clone(), *algorithm, may && fits));
            }
        }
    }
    let mut all = Probe::with_keys(&entries).await;
    for (signer, kid, algorithm, good) in &cases {
        let token = signer.sign_as(*algorithm, &json!({"alg": algorithm.name(), "kid": kid}), &claims());
        let expected = if *good { Permitted } else { Invalid };
        all.token(format!("{} under {kid}", algorithm.name()), &token, expected).await;
    }
    assert!(cases.iter().filter(|case| case.3).count() > 20);
}

#[tokio::test]
async fn s01_an_algorithm_that_is_not_in_the_list_is_refused_though_a_key_fits() {
    let signers = one_of_each_type();
    let entries: Vec<Value> = signers.iter().map(Signer::jwk).collect();
    for allowed in [Algorithm::Ps384, Algorithm::Es256, Algorithm::EdDsa] {
        let mut probe = Probe::with_algorithms(allowed.name(), &entries).await;
        for signer in &signers {
            for algorithm in signer.algorithms() {
                let token = signer.sign_as(*algorithm, &json!({"alg": algorithm.name(), "kid": signer.kid}), &claims());
                let expected = if *algorithm == allowed { Permitted } else { Invalid };
                probe
                    .token(format!("{} where {} is allowed", algorithm.name(), allowed.name()), &token, expected)
                    .await;
            }
        }
    }
}

#[tokio::test]
async fn s01_a_header_that_names_another_algorithm_than_signed_is_refused() {
    let signers = one_of_each_type();
    let entries: Vec<Value> = signers.iter().map(Signer::jwk).collect();
    let mut probe = Probe::with_keys(&entries).await;
    let foreign = [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS1", "ES521", "ES256K", "Ed25519", "rs256",
        "RS256 ", " RS256", "RS256\0", "es256", "eddsa", "RSA-OAEP", "dir", "A256KW",
    ];
    let names = Algorithm::ALL.map(Algorithm::name).into_iter().chain(foreign);
    for alg in names {
        for signer in &signers {
            let header = json!({"alg": alg, "kid": signer.kid});
            for signed in signer.algorithms().iter().filter(|signed| signed.name() != alg) {
                let token = signer.sign_as(*signed, &header, &claims());
                probe
                    .token(format!("alg {alg:?}, signed with {} by {}", signed.name(), signer.kid), &token, Invalid)
                    .await;
            }
        }
    }
    for alg in [json!(null), json!(1), json!(["RS256"]), json!({"RS256": 1}), json!(true)] {
        let token = signers[0].sign(&json!({"alg": alg, "kid": "RS256"}), &claims());
        probe.token(format!("alg {alg}"), &token, Invalid).await;
    }
    probe.token("no alg", &signers[0].sign(&json!({"kid": "RS256"}), &claims()), Invalid).await;
}

#[tokio::test]
async fn s01_unsigned_and_symmetric_tokens_are_never_valid_whatever_the_key_set_holds() {
    let signer = Signer::new(Algorithm::Rs256, "k");
    let jwk = signer.jwk();
    let n = jwk["n"].as_str().unwrap();
    let shared =
        json!({"kty": "oct", "kid": "shared", "k": encode(b"an open secret of 32 bytes length"), "use": "sig"});
    let posing = json!({"kty": "oct", "kid": "posing", "k": encode(b"secret"), "alg": "RS256", "n": n, "e": "AQAB"});
    let pinned = with(with(signer.jwk(), "kid", json!("pinned")), "alg", json!("HS256"));
    let entries = [jwk.clone(), shared, posing, pinned];
    let mut probe = Probe::with_keys(&entries).await;
    let secrets = [
        Vec::new(),
        b"secret".to_vec(),
        b"an open secret of 32 bytes length".to_vec(),
        n.as_bytes().to_vec(),
        decode(n),
        pem(n),
        [pem(n), b"\n".to_vec()].concat(),
        jwk.to_string().into_bytes(),
        key_set(&entries).into_bytes(),
    ];
    for (alg, hash) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        ("RS256", hmac::HMAC_SHA256),
    ] {
        for kid in ["k", "shared", "posing", "pinned"] {
            for (at, secret) in secrets.iter().enumerate() {
                let header = json!({"alg": alg, "kid": kid}).to_string();
                let input = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
                let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
                let token = format!("{input}.{}", encode(tag.as_ref()));
                probe.token(format!("{alg} under {kid} with secret {at}"), &token, Invalid).await;
            }
        }
    }
    let payload = encode(claims().to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256", "HS256"] {
        let header = encode(json!({"alg": alg, "kid": "k"}).to_string().as_bytes());
        for signature in ["", "AA", "c2ln", "e30", &"A".repeat(342)] {
            probe
                .token(
                    format!("{alg:?} and the signature {signature:?}"),
                    &format!("{header}.{payload}.{signature}"),
                    Invalid,
                )
                .await;
        }
        probe.token(format!("{alg:?} in two parts"), &format!("{header}.{payload}"), Invalid).await;
    }
    probe.token("signed", &signer.token(&claims()), Permitted).await;
}

/// The modulus as the PEM of an `RSAPublicKey` of 2048 bits.
fn pem(modulus: &str) -> Vec<u8> {
    let der =
        [&[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00], &decode(modulus)[..], &[2, 3, 1, 0, 1]].concat();
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----").into_bytes()
}
