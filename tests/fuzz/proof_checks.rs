//! What holds of DPoP proofs and addresses, whatever the bytes are. The fuzz target and the property tests both call this.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{Algorithm, DpopProof, DpopRules, ProvenRequest, Target};
use serde_json::{Value, json};

/// A DPoP proof that is accepted was made for the request, also where a key signed whatever the bytes are.
pub(crate) fn proof(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        check_proof(text);
        check_proof(&signed(json!({"htu": text})));
        for (host, port, path) in [(text, None, "/"), ("api.example", Some(text), "/"), ("api.example", None, text)] {
            let target = Target::new("https", host, port, path);
            assert!(target.is_none() || !host.contains('@') && !path.contains(' '), "no address: {text}");
        }
    }
    check_proof(&signed(data));
}

/// A proof whose claims are good but for these; or whose payload these bytes are.
fn signed<C: Into<Claims>>(claims: C) -> String {
    let payload = match claims.into() {
        Claims::Bytes(bytes) => bytes,
        Claims::Changed(changed) => {
            let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"a.b.c"));
            let mut claims = json!({"jti": "1", "htm": "GET", "htu": "", "iat": 1_790_000_000, "ath": ath});
            claims.as_object_mut().expect("an object").extend(changed.as_object().cloned().unwrap_or_default());
            claims.to_string().into_bytes()
        }
    };
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key())});
    let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk}).to_string();
    let input = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)].join(".");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())))
}

enum Claims {
    Bytes(Vec<u8>),
    Changed(Value),
}

impl From<&[u8]> for Claims {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Value> for Claims {
    fn from(changed: Value) -> Self {
        Self::Changed(changed)
    }
}

fn check_proof(text: &str) {
    let rules = DpopRules { algorithms: Algorithm::ALL.to_vec(), window: std::time::Duration::from_secs(60) };
    let target = Target::new("https", "api.example", None, "/v1/x").expect("an address");
    let request = ProvenRequest { method: "GET", target: &target, token: b"a.b.c" };
    if DpopProof::verify(text, &rules, request, Timestamp::from_secs(1_790_000_000)).is_err() {
        return;
    }
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).expect("base64url");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(claims["htm"], "GET");
    let iat = claims["iat"].as_f64().expect("a number");
    assert!((iat - 1_790_000_000.0).abs() < 61.0, "another time: {iat}");
    // Another reader of addresses sees the same one.
    let htu = url::Url::parse(claims["htu"].as_str().expect("a text")).expect("an address");
    assert_eq!((htu.scheme(), htu.host_str(), htu.port_or_known_default()), ("https", Some("api.example"), Some(443)));
    assert!(htu.username().is_empty() && htu.password().is_none(), "a user: {htu}");
    let decoded = htu.path().replace("%76", "v").replace("%31", "1").replace("%78", "x");
    assert_eq!(decoded, "/v1/x", "another path: {htu}");
}
