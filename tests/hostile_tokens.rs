//! Tokens that no honest issuer made, and the reason that each refusal names. Whether they are refused at all is tried
//! with many more of them in `security`.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use crate::support::gateway::{AUDIENCE, START, user_claims};
use crate::support::rule::with;
use crate::support::signer::{decode, encode, key_set};
use crate::support::{Call, Gateway, Http1, Recorder, Signer, World};

/// Two issuers that share nothing, and accept the same algorithms.
const TWO_ISSUERS: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [RS256, PS256, ES256] }
  - { name: other, issuer: https://other.example/, jwks_uri: \"${OTHER}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256, RS256] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

const OTHER: &str = "https://other.example/";

/// A gateway that trusts the provider and another issuer, which signs with `signer`.
struct Two {
    gateway: Gateway,
    signer: Signer,
    _keys: Recorder,
}

impl Two {
    async fn start() -> Self {
        let signer = Signer::es256("other-key");
        let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
        let gateway = World::new().await.with("OTHER", &keys.url()).gateway(TWO_ISSUERS).await;
        Self { gateway, signer, _keys: keys }
    }

    /// Claims of the other issuer, changed.
    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = user_claims(OTHER);
        change(&mut claims);
        claims
    }
}

#[tokio::test]
async fn tokens_of_both_issuers_pass_as_they_are() {
    let two = Two::start().await;
    let other = two.signer.token(&Two::claims(|_| {}));
    for token in [two.gateway.jane(), other] {
        assert_eq!(two.gateway.get("/v1/customers", &token).await.code(), 200);
    }
}

#[tokio::test]
async fn unsigned_and_symmetric_tokens_are_never_valid() {
    let gateway = Gateway::start().await;
    let header = gateway.header();
    let payload = encode(gateway.claims(|_| {}).to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = encode(with(header.clone(), "alg", json!(alg)).to_string().as_bytes());
        gateway.refuses(alg, &format!("{header}.{payload}."), "token_malformed").await;
        gateway.refuses(alg, &format!("{header}.{payload}.c2ln"), "algorithm_not_accepted").await;
    }
    // What a careless verifier would take for the secret: the public key in every form it is seen in.
    let document = Http1::connect(gateway.world.provider.address()).await.send(&Call::get("/keys")).await.body;
    let keys: Value = serde_json::from_slice(&document).unwrap();
    let jwk = &keys["keys"][0];
    let n = jwk["n"].as_str().unwrap();
    let mut secrets =
        vec![document.to_vec(), jwk.to_string().into_bytes(), n.as_bytes().to_vec(), decode(n), pem(n), vec![]];
    secrets.push([pem(n), b"\n".to_vec()].concat());
    for (alg, hash) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for secret in &secrets {
            let header = encode(with(header.clone(), "alg", json!(alg)).to_string().as_bytes());
            let input = format!("{header}.{payload}");
            let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
            let token = format!("{input}.{}", encode(tag.as_ref()));
            gateway.refuses(alg, &token, "algorithm_not_accepted").await;
        }
    }
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

#[tokio::test]
async fn a_key_verifies_only_its_own_issuers_tokens_and_its_own_algorithm() {
    let two = Two::start().await;
    let idp = two.gateway.claims(|_| {});
    let kid = two.gateway.header()["kid"].as_str().unwrap().to_owned();
    let refuses = |what: &'static str, token: String, reason: &'static str| {
        let gateway = &two.gateway;
        async move { gateway.refuses(what, &token, reason).await }
    };
    // The other issuer signs for the provider: its own kid isn't among the provider's keys.
    refuses("another issuer's key", two.signer.token(&idp), "key_unknown").await;
    let borrowed = with(two.signer.header(), "kid", json!(kid));
    refuses("its key under the provider's kid", two.signer.sign(&borrowed, &idp), "algorithm_not_accepted").await;
    // The provider signs for the other issuer.
    let header = json!({"alg": "RS256", "kid": "other-key"});
    let token = two.gateway.world.provider.sign_with(&header, &Two::claims(|_| {}));
    refuses("RS256 with a P-256 key", token, "algorithm_not_accepted").await;
    let token = two.gateway.world.provider.sign_with(&two.gateway.header(), &Two::claims(|_| {}));
    refuses("the provider's key for the other issuer", token, "key_unknown").await;
    // A stranger under a known kid, of each kind.
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let stranger = Signer::new(algorithm, "other-key");
        let reason = if algorithm == Algorithm::Es256 { "signature_invalid" } else { "algorithm_not_accepted" };
        refuses("a stranger's key", stranger.token(&Two::claims(|_| {})), reason).await;
    }
    // A key that the set pins to RS256 verifies no PS256, though the list allows it.
    let header = with(two.gateway.header(), "alg", json!("PS256"));
    let token = two.gateway.world.provider.sign_with(&header, &idp);
    refuses("PS256", token, "algorithm_not_accepted").await;
    let token = two.signer.sign(&json!({"alg": "ES256", "kid": "nobody's"}), &Two::claims(|_| {}));
    refuses("an unknown kid", token, "key_unknown").await;
    let der = two.signer.sign(&with(two.signer.header(), "alg", json!("es256")), &Two::claims(|_| {}));
    refuses("alg in another letter case", der, "algorithm_not_accepted").await;
}

#[tokio::test]
async fn nothing_that_a_token_names_is_ever_contacted_or_believed() {
    let stranger = Signer::new(Algorithm::Rs256, "stranger");
    let lure = Recorder::key_set(key_set(&[stranger.jwk()])).await;
    let gateway = Gateway::start().await;
    let kid = gateway.header()["kid"].clone();
    let claims = gateway.claims(|_| {});
    let certificate = encode(b"certificate");
    for kid in [kid, json!("stranger")] {
        for (name, value) in [
            ("jku", json!(lure.url())),
            ("x5u", json!(lure.url())),
            ("jwk", stranger.jwk()),
            ("x5c", json!([certificate])),
            ("x5t", json!("dGh1bWI")),
            ("iss", json!(lure.url())),
        ] {
            let header = with(json!({"alg": "RS256", "typ": "JWT", "kid": kid}), name, value);
            let reason = if kid == "stranger" { "key_unknown" } else { "signature_invalid" };
            gateway.refuses(name, &stranger.sign(&header, &claims), reason).await;
        }
    }
    for url in [lure.url(), format!("{}/", lure.url())] {
        let elsewhere = with(claims.clone(), "iss", json!(url));
        gateway.refuses("iss", &stranger.token(&elsewhere), "issuer_unknown").await;
    }
    assert_eq!(lure.count(), 0, "somebody followed a token's address");
    // An honest token with such parameters is an honest token.
    for odd in [json!(lure.url()), json!({"odd": 1}), json!(null), json!([1])] {
        let header = with(with(gateway.header(), "jku", odd.clone()), "x-unknown", odd);
        let token = gateway.world.provider.sign_with(&header, &claims);
        assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    }
    assert_eq!(lure.count(), 0, "somebody followed a token's address");
}

#[tokio::test]
async fn a_header_that_changes_what_is_signed_or_what_it_is_is_refused() {
    let gateway = Gateway::start().await;
    let claims = gateway.claims(|_| {});
    for (name, value, reason) in [
        ("crit", json!(["exp"]), "token_header_not_accepted"),
        ("crit", json!([]), "token_header_not_accepted"),
        ("b64", json!(false), "token_header_not_accepted"),
        ("zip", json!("DEF"), "token_header_not_accepted"),
        ("enc", json!("A128GCM"), "token_header_not_accepted"),
        ("cty", json!("JWT"), "token_header_not_accepted"),
        // A number is the name of a key, as in the key sets of some issuers: here of none.
        ("kid", json!(1), "key_unknown"),
        ("kid", json!(["1"]), "token_header_not_accepted"),
        ("kid", json!(true), "token_header_not_accepted"),
        ("alg", json!(["RS256"]), "token_header_not_accepted"),
        ("typ", json!("id+jwt"), "token_type_not_accepted"),
        ("typ", json!("logout+jwt"), "token_type_not_accepted"),
        ("typ", json!("dpop+jwt"), "token_type_not_accepted"),
        ("typ", json!(""), "token_type_not_accepted"),
        ("typ", json!(1), "token_type_not_accepted"),
    ] {
        let header = with(gateway.header(), name, value.clone());
        let token = gateway.world.provider.sign_with(&header, &claims);
        gateway.refuses(&format!("{name} {value}"), &token, reason).await;
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let token = gateway.world.provider.sign_with(&with(gateway.header(), "typ", json!(typ)), &claims);
        assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200, "{typ}");
    }
}

#[tokio::test]
async fn claims_of_the_wrong_value_or_type_make_a_token_invalid() {
    let gateway = Gateway::start().await;
    let issuer = gateway.world.provider.issuer().to_owned();
    let (now, late) = (START.as_secs(), START.as_secs() - 60);
    let cases = [
        ("iss", vec![json!(issuer.trim_end_matches('/')), json!(issuer.to_uppercase()), json!("")], "issuer_unknown"),
        ("iss", vec![json!(1), json!([issuer]), json!(null)], "claim_malformed"),
        ("aud", vec![json!("https://api.partnercenter.microsoft.com/"), json!([]), json!(["x"])], "audience_mismatch"),
        ("aud", vec![json!(AUDIENCE.to_uppercase()), json!(format!("{AUDIENCE} x")), json!("")], "audience_mismatch"),
        ("aud", vec![json!(1), json!(null), json!({AUDIENCE: true}), json!([AUDIENCE, 1])], "claim_malformed"),
        ("exp", vec![json!(late), json!(0), json!(-1), json!(-1e300), json!(1_789_999_939.5)], "token_expired"),
        (
            "exp",
            vec![json!((now + 3600).to_string()), json!(null), json!([now + 3600]), json!(true)],
            "claim_malformed",
        ),
        ("nbf", vec![json!(now + 61), json!(1e300)], "token_not_yet_valid"),
        ("nbf", vec![json!(now.to_string()), json!(null)], "claim_malformed"),
        ("iat", vec![json!("yesterday")], "claim_malformed"),
        ("sub", vec![json!(1), json!(null)], "claim_malformed"),
        ("oid", vec![json!(["x"])], "claim_malformed"),
        ("tid", vec![json!(7)], "claim_malformed"),
        ("idtyp", vec![json!("app")], "class_contradictory"),
        ("idtyp", vec![json!("device"), json!("App"), json!("")], "class_unknown"),
    ];
    for (name, values, reason) in cases {
        for value in values {
            let token = gateway.changed(|claims| claims[name] = value.clone());
            gateway.refuses(&format!("{name} {value}"), &token, reason).await;
        }
    }
    for name in ["iss", "aud", "exp"] {
        gateway.refuses(&format!("no {name}"), &gateway.without(name), "claim_missing").await;
    }
    // The other side: what only looks odd is valid.
    for (name, value) in [
        ("exp", json!(1_790_000_000.5)),
        ("exp", json!(1e300)),
        ("exp", json!(now - 59)),
        ("nbf", json!(now + 60)),
        ("aud", json!(["x", AUDIENCE])),
    ] {
        let token = gateway.changed(|claims| claims[name] = value.clone());
        assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200, "{name} {value}");
    }
}

#[tokio::test]
async fn the_compact_form_and_its_json_are_exact() {
    let two = Two::start().await;
    let (signer, claims) = (&two.signer, Two::claims(|_| {}).to_string());
    let header = signer.header().to_string();
    let good = signer.sign_text(&header, &claims);
    let [first, second, third] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let amr_twice = claims.replacen('{', r#"{"amr":["pwd"],"#, 1);
    let escaped = claims.replacen('{', r#"{"\u0061mr":["pwd"],"#, 1);
    let nested = claims.replacen('{', r#"{"x":[{"a":1,"a":2}],"#, 1);
    let not_utf8 = [claims.trim_end_matches('}').as_bytes(), b",\"x\":\"\xff\"}"].concat();
    let cases = [
        ("two parts", format!("{first}.{second}"), "token_malformed"),
        ("four parts", format!("{good}.{third}"), "token_malformed"),
        ("five parts", format!("{first}.{first}.{second}.{third}.{third}"), "token_malformed"),
        ("an empty part", format!("{first}..{third}"), "token_malformed"),
        ("padding", format!("{good}=="), "token_malformed"),
        ("standard base64", good.replace(['-', '_'], "+") + "+", "token_malformed"),
        ("one word", "token".to_owned(), "token_malformed"),
        ("amr twice", signer.sign_text(&header, amr_twice), "token_malformed"),
        ("amr twice, once escaped", signer.sign_text(&header, escaped), "token_malformed"),
        ("a name twice further in", signer.sign_text(&header, nested), "token_malformed"),
        (
            "a name twice in the header",
            signer.sign_text(header.replacen('{', r#"{"kid":"x","#, 1), &claims),
            "token_malformed",
        ),
        ("bytes behind the object", signer.sign_text(&header, format!("{claims}x")), "token_malformed"),
        ("two objects", signer.sign_text(&header, format!("{claims}{claims}")), "token_malformed"),
        ("an array", signer.sign_text(&header, format!("[{claims}]")), "token_malformed"),
        ("a byte order mark", signer.sign_text(&header, format!("\u{feff}{claims}")), "token_malformed"),
        ("not UTF-8", signer.sign_text(&header, not_utf8), "token_malformed"),
        ("no JSON", signer.sign_text(&header, "claims"), "token_malformed"),
        ("a header that is no object", signer.sign_text("\"ES256\"", &claims), "token_malformed"),
        ("a nested token", signer.sign_text(&header, &good), "token_malformed"),
    ];
    for (what, token, reason) in cases {
        two.gateway.refuses(what, &token, reason).await;
    }
    assert_eq!(two.gateway.get("/v1/customers", &good).await.code(), 200);
}

#[tokio::test]
async fn a_token_is_as_long_as_it_may_be_and_no_longer() {
    let two = Two::start().await;
    let of_length = |length: usize| two.signer.token(&Two::claims(|claims| claims["pad"] = json!("x".repeat(length))));
    assert_eq!(two.gateway.get("/v1/customers", &of_length(8 << 10)).await.code(), 200);
    two.gateway.refuses("16 KiB and more", &of_length(13 << 10), "token_too_long").await;
}
