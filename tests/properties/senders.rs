//! A DPoP proof is for one request, token, key and time, and permits no other.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{Algorithm, DpopProof, DpopRules, ProvenRequest, Target};
use proptest::prelude::*;
use serde_json::json;

use super::runner;
use crate::support::Signer;
use crate::support::gateway::START;
use crate::support::signer::encode;

const WINDOW: i64 = 60;

/// What a proof is made for, or a request is.
#[derive(Clone, Debug, PartialEq)]
struct Facts {
    method: &'static str,
    scheme: &'static str,
    host: &'static str,
    path: String,
    token: String,
    key: usize,
    at: i64,
}

fn facts() -> impl Strategy<Value = Facts> {
    let words = |words: &'static [&'static str]| proptest::sample::select(words);
    let (methods, schemes) = (words(&["GET", "POST", "HEAD"]), words(&["http", "https"]));
    let hosts = words(&["a.example", "b.example", "a.example:8443"]);
    let parts = (methods, schemes, hosts, "(/[ab]{1,2}){1,2}", "[ab]{1,3}\\.c\\.d", 0..2_usize, -90..90_i64);
    parts.prop_map(|(method, scheme, host, path, token, key, at)| Facts { method, scheme, host, path, token, key, at })
}

/// Facts, and others that mostly differ in one.
fn pairs() -> impl Strategy<Value = (Facts, Facts)> {
    (facts(), facts(), 0..8_usize).prop_map(|(made, other, differs)| {
        let mut asked = made.clone();
        match differs {
            0 => asked.method = other.method,
            1 => asked.scheme = other.scheme,
            2 => asked.host = other.host,
            3 => asked.path = other.path,
            4 => asked.token = other.token,
            5 => asked.key = other.key,
            6 => asked.at = other.at,
            _ => asked = other,
        }
        (made, asked)
    })
}

#[test]
fn a_proof_permits_the_request_that_it_was_made_for_and_no_other() {
    let keys = [Signer::es256("0"), Signer::es256("1")];
    let prints = keys.each_ref().map(|key| {
        let proof = made(
            key,
            &Facts { method: "GET", scheme: "http", host: "h", path: "/".into(), token: "t".into(), key: 0, at: 0 },
        );
        let target = Target::new("http", "h", None, "/").unwrap();
        verify(&proof, "GET", &target, "t", 0).unwrap().key
    });
    let property = |(made_for, asked): (Facts, Facts)| {
        let proof = made(&keys[made_for.key], &made_for);
        let target = Target::new(asked.scheme, asked.host, None, &asked.path).unwrap();
        let found = verify(&proof, asked.method, &target, &asked.token, asked.at);
        let shown = found.is_ok_and(|found| found.key == prints[asked.key]);
        let near = (made_for.at - asked.at).abs() <= WINDOW;
        prop_assert_eq!(shown, near && Facts { at: asked.at, ..made_for } == asked);
        Ok(())
    };
    runner(400).run(&pairs(), property).unwrap();
}

#[test]
fn of_a_proof_with_one_byte_changed_nothing_is_accepted() {
    let key = Signer::es256("0");
    let facts = Facts { method: "GET", scheme: "http", host: "h", path: "/".into(), token: "t".into(), key: 0, at: 0 };
    let (proof, target) = (made(&key, &facts), Target::new("http", "h", None, "/").unwrap());
    let strategy = (0..proof.len(), proptest::sample::select(b"ABab01-_.=~ {".as_slice()));
    let property = |(at, byte): (usize, u8)| {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verify(&changed, "GET", &target, "t", 0).is_ok(), changed == proof);
        Ok(())
    };
    runner(400).run(&strategy, property).unwrap();
}

fn made(key: &Signer, facts: &Facts) -> String {
    let claims = json!({
        "jti": "1", "htm": facts.method, "htu": format!("{}://{}{}", facts.scheme, facts.host, facts.path),
        "iat": START.as_secs() + facts.at, "ath": encode(digest(&SHA256, facts.token.as_bytes()).as_ref()),
    });
    key.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk()}), &claims)
}

fn verify(proof: &str, method: &str, target: &Target, token: &str, at: i64) -> Result<DpopProof, String> {
    let window = Duration::from_secs(u64::try_from(WINDOW).unwrap());
    let rules = DpopRules { algorithms: vec![Algorithm::Es256], window };
    let request = ProvenRequest { method, target, token: token.as_bytes() };
    let now = Timestamp::from_secs(START.as_secs() + at);
    DpopProof::verify(proof, &rules, request, now).map_err(|error| error.to_string())
}
