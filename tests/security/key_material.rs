//! Which keys are used, and for whose tokens (2 and 3).

use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use super::probe::{Expected, Probe, claims};
use crate::support::rule::with;
use crate::support::signer::{decode, encode, key_set};
use crate::support::{Gateway, Recorder, Signer, World};

use Expected::{Invalid, Permitted};

/// Two issuers that share nothing, and accept the same algorithms.
const TWO_ISSUERS: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [RS256, PS256, ES256] }
  - { name: other, issuer: https://idp.example/, jwks_uri: \"${OTHER}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256, RS256] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

#[tokio::test]
async fn s02_a_key_verifies_only_tokens_of_the_issuer_that_published_it() {
    let signer = Signer::es256("other-key");
    let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
    let gateway = World::new().await.with("OTHER", &keys.url()).gateway(TWO_ISSUERS).await;
    let (idp, other) = (gateway.claims(|_| {}), claims());
    let kid = gateway.header()["kid"].clone();
    let by_idp = |header: &Value, claims: &Value| gateway.world.provider.sign_with(header, claims);
    let stranger = Signer::es256("other-key");
    let good = [("idp", gateway.jane()), ("other", signer.token(&other))];
    let bad = [
        ("the other issuer's key", signer.token(&idp)),
        ("the other's key under the provider's kid", signer.sign(&with(signer.header(), "kid", kid.clone()), &idp)),
        ("the other's key without a kid", signer.sign(&json!({"alg": "ES256"}), &idp)),
        ("the provider's key for the other issuer", by_idp(&gateway.header(), &other)),
        ("the provider's key under the other's kid", by_idp(&json!({"alg": "RS256", "kid": "other-key"}), &other)),
        ("the provider's key without a kid", by_idp(&json!({"alg": "RS256"}), &other)),
        ("a stranger's key under a known kid", stranger.token(&other)),
        ("a pinned key with another algorithm", by_idp(&with(gateway.header(), "alg", json!("PS256")), &idp)),
        ("a kid of nobody", signer.sign(&json!({"alg": "ES256", "kid": "nobody"}), &other)),
        ("a kid in another letter case", signer.sign(&json!({"alg": "ES256", "kid": "OTHER-KEY"}), &other)),
        ("a kid with a path", signer.sign(&json!({"alg": "ES256", "kid": "../other-key"}), &other)),
        ("a kid that is a query", signer.sign(&json!({"alg": "ES256", "kid": "' OR 1=1 --"}), &other)),
    ];
    let mut probe = Probe::of(gateway);
    for (what, token) in good {
        probe.token(what, &token, Permitted).await;
    }
    for (what, token) in bad {
        probe.token(what, &token, Invalid).await;
    }
}

#[tokio::test]
async fn s02_nothing_that_a_token_names_is_ever_contacted_or_believed() {
    let stranger = Signer::new(Algorithm::Rs256, "stranger");
    let lure = Recorder::key_set(key_set(&[stranger.jwk()])).await;
    let mut probe = Probe::of(Gateway::start().await);
    let kid = probe.gateway.header()["kid"].clone();
    let claims = probe.gateway.claims(|_| {});
    let url = |path: &str| json!(format!("{}{path}", lure.url()));
    let names = [
        ("jku", url("/keys")),
        ("x5u", url("/cert")),
        ("jwk", stranger.jwk()),
        ("x5c", json!([encode(b"certificate")])),
        ("x5t", json!("dGh1bWI")),
        ("x5t#S256", json!("dGh1bWI")),
        ("iss", url("/")),
        ("jwks_uri", url("/keys")),
        ("url", url("/")),
        ("jwks", json!({"keys": [stranger.jwk()]})),
        ("kid", url("/keys")),
        ("kid", stranger.jwk()),
    ];
    for (name, value) in &names {
        for kid in [&kid, &json!("stranger")] {
            let header = with(json!({"alg": "RS256", "typ": "JWT", "kid": kid}), name, value.clone());
            probe.token(format!("{name} beside {kid}"), &stranger.sign(&header, &claims), Invalid).await;
        }
        let pointing = with(claims.clone(), name, value.clone());
        probe.token(format!("{name} in the claims"), &stranger.token(&pointing), Invalid).await;
    }
    for path in ["", "/", "/.well-known/openid-configuration"] {
        probe
            .token(format!("iss with {path:?}"), &stranger.token(&with(claims.clone(), "iss", url(path))), Invalid)
            .await;
    }
    // Entra's claims for what didn't fit into the token, and OpenID Connect's: they point somewhere too.
    for name in ["_claim_sources", "_claim_names", "aud_url", "jku"] {
        let honest = with(
            claims.clone(),
            name,
            json!({"src1": {"endpoint": lure.url(), "jwks_uri": lure.url(), "jku": lure.url()}}),
        );
        probe.token(format!("{name} in an honest token"), &probe.gateway.world.provider.mint(&honest), Permitted).await;
    }
    // A binding that points somewhere is one that is not known here.
    let bound = with(claims.clone(), "cnf", json!({"jku": lure.url()}));
    let refused = probe.gateway.get("/v1/customers", &probe.gateway.world.provider.mint(&bound)).await;
    probe.wrong.unless(refused.code() == 401, format!("a binding by address: {}", refused.code()));
    // Harmless in an honest token, of whatever type.
    for odd in [url("/"), json!({"odd": 1}), json!(null), json!([1])] {
        let header = ["jku", "x5u", "x5c", "jwk", "x-unknown"]
            .iter()
            .fold(probe.gateway.header(), |header, name| with(header, name, odd.clone()));
        let token = probe.gateway.world.provider.sign_with(&header, &claims);
        probe.token(format!("an honest token with {odd}"), &token, Permitted).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    probe.wrong.unless(lure.count() == 0, format!("somebody followed a token's address: {:?}", lure.seen()));
}

#[tokio::test]
async fn s03_weak_and_broken_keys_are_never_used_and_disable_no_other() {
    let good = Signer::es256("good");
    let (rsa, p256, p384) =
        (Signer::new(Algorithm::Rs256, "r"), Signer::es256("e"), Signer::new(Algorithm::Es384, "f"));
    let ed = Signer::new(Algorithm::EdDsa, "o");
    let (x, y) = (p256.jwk()["x"].clone(), p256.jwk()["y"].clone());
    let cases = [
        (
            &rsa,
            vec![
                ("e", json!("AQ")),
                ("e", json!("AA")),
                ("e", json!("Ag")),
                ("e", json!("")),
                ("e", json!("AQAA")),
                ("e", json!("AQAAAAAAAAAB")),
                ("e", json!(65537)),
                ("e", json!("AQAB=")),
                ("e", json!(null)),
                ("n", json!("AQAB")),
                ("n", json!("")),
                ("n", json!(encode(&[0xff; 128]))),
                ("n", json!(encode(&[0xff; 255]))),
                ("n", json!(null)),
                ("n", json!(encode(&[0xff; 4096]))),
                ("d", json!("AQAB")),
                ("p", json!("AQAB")),
                ("oth", json!([{}])),
                ("kty", json!("rsa")),
                ("kty", json!("EC")),
                ("kty", json!("oct")),
                ("kty", json!(null)),
                ("k", json!("AA")),
            ],
        ),
        (
            &p256,
            vec![
                ("y", x.clone()),
                ("x", y.clone()),
                ("x", json!(encode(&[0; 32]))),
                ("y", json!(encode(&[0xff; 32]))),
                ("x", json!("")),
                ("y", json!(null)),
                ("x", json!(encode(&[1; 31]))),
                ("x", json!(encode(&[1; 33]))),
                ("crv", json!("P-384")),
                ("crv", json!("P-521")),
                ("crv", json!("P521")),
                ("crv", json!("secp256k1")),
                ("crv", json!("p-256")),
                ("crv", json!("Ed25519")),
                ("crv", json!(null)),
                ("d", json!("AA")),
                ("kty", json!("OKP")),
                ("kty", json!("RSA")),
            ],
        ),
        (&p384, vec![("crv", json!("P-256")), ("y", json!(encode(&[0; 48]))), ("x", x)]),
        (
            &ed,
            vec![
                ("x", json!(encode(&[0; 32]))),
                ("x", json!(encode(&[0xff; 32]))),
                ("x", json!(encode(&[1; 31]))),
                ("x", json!("")),
                ("crv", json!("X25519")),
                ("crv", json!("Ed448")),
                ("crv", json!("ed25519")),
                ("d", json!("AA")),
                ("kty", json!("EC")),
            ],
        ),
    ];
    let mut entries = vec![json!(1), json!(null), json!("k"), json!([]), json!({}), json!({"kty": "RSA"})];
    let mut tokens = Vec::new();
    for (signer, changes) in cases {
        for (name, value) in changes {
            let kid = format!("{} with {name} {value}", signer.kid).chars().take(60).collect::<String>();
            entries.push(with(with(signer.jwk(), name, value), "kid", json!(kid)));
            tokens.push((kid.clone(), signer.sign(&with(signer.header(), "kid", json!(kid)), &claims())));
        }
    }
    entries.push(good.jwk());
    let mut probe = Probe::with_keys(&entries).await;
    for (kid, token) in tokens {
        probe.token(kid, &token, Invalid).await;
    }
    probe.token("the good key", &good.token(&claims()), Permitted).await;
}

#[tokio::test]
async fn s03_what_a_broken_key_lets_anybody_forge_is_refused() {
    let rsa = Signer::new(Algorithm::Rs256, "exponent-1");
    let one = with(rsa.jwk(), "e", json!("AQ"));
    let mut identity = [0; 32];
    identity[0] = 1;
    let small = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "kid": "small-order", "x": encode(x)});
    let good = Signer::es256("good");
    let forged = |alg: &str, kid: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let header = json!({"alg": alg, "kid": kid}).to_string();
        let input = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
        format!("{input}.{}", encode(&sign(input.as_bytes())))
    };
    // With the exponent 1 the padded digest is its own signature (RFC 8017 section 9.2).
    let padded = |input: &[u8]| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input);
        let info = [&decode("MDEwDQYJYIZIAWUDBAIBBQAEIA")[..], hash.as_ref()].concat();
        [&[0, 1][..], &vec![0xff; 256 - 3 - info.len()], &[0], &info].concat()
    };
    // Under the identity as public key, R of the identity and S of 0 fit every message (RFC 8032 section 5.1.7).
    let fits_all = |_: &[u8]| [&identity[..], &[0; 32]].concat();
    let mut probe = Probe::with_keys(&[one, small(&identity), good.jwk()]).await;
    probe.token("exponent 1", &forged("RS256", "exponent-1", &padded), Invalid).await;
    probe.token("a point of small order", &forged("EdDSA", "small-order", &fits_all), Invalid).await;
    // The same for ECDSA: r and s of 0, which a careless verifier took (CVE-2022-21449).
    for (alg, kid) in [("ES256", "good"), ("ES384", "good")] {
        for fill in [0, 0xff] {
            probe.token(format!("{alg} of {fill}"), &forged(alg, kid, &|_| vec![fill; 64]), Invalid).await;
            probe.token(format!("{alg} of {fill}, longer"), &forged(alg, kid, &|_| vec![fill; 96]), Invalid).await;
        }
    }
    probe.token("the good key", &good.token(&claims()), Permitted).await;
}
