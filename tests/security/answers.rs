//! What is answered, and that each request is judged on its own (11 and 12).

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::probe::{Expected, Probe, claims};
use crate::support::gateway::{CONFIG, START};
use crate::support::rule::with;
use crate::support::{Call, Gateway, Http2, Signer, raw};

use Expected::{Invalid, NoCredential, NoMfa, Permitted};

#[tokio::test]
async fn s11_validity_is_judged_before_mfa() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let mut john = claims();
    john["amr"] = json!(["pwd"]);
    probe.token("valid, without MFA", &signer.token(&john), NoMfa).await;
    probe.token("valid, with MFA", &signer.token(&claims()), Permitted).await;
    probe.call("no token", &Call::get("/v1/customers"), NoCredential).await;
    let header = signer.header();
    // Each of these tokens lacks MFA too, and nobody may learn that.
    let now = START.as_secs();
    for (name, value) in [
        ("exp", json!(now - 3600)),
        ("exp", json!("x")),
        ("nbf", json!(now + 3600)),
        ("aud", json!("x")),
        ("aud", json!(1)),
        ("iss", json!("https://x/")),
        ("sub", json!(1)),
        ("idtyp", json!("app")),
        ("idtyp", json!("x")),
    ] {
        probe
            .token(format!("{name} {value}, without MFA"), &signer.token(&with(john.clone(), name, value)), Invalid)
            .await;
    }
    for (name, value) in
        [("alg", json!("HS256")), ("alg", json!("none")), ("typ", json!("id+jwt")), ("crit", json!(["x"]))]
    {
        probe
            .token(
                format!("{name} {value}, without MFA"),
                &signer.sign(&with(header.clone(), name, value), &john),
                Invalid,
            )
            .await;
    }
    probe.token("a stranger's, without MFA", &Signer::es256("k").token(&john), Invalid).await;
    for garbage in ["x", "a.b.c", "mfa", "..", "null"] {
        probe.token(garbage, garbage, Invalid).await;
    }
}

/// A word that no answer may repeat, in characters that mean something in headers, JSON and markup.
const MARK: &str = "zqx<\"'&>zqx";

#[tokio::test]
async fn s11_nothing_of_the_request_or_of_an_unverified_token_is_echoed() {
    let oauth = CONFIG.replace(
        "{ prefix: /v1/, upstream: api }",
        "{ prefix: /v1/, upstream: api }\n  - { prefix: /oauth/, upstream: api, dialect: oauth }",
    );
    let gateway = Gateway::with(&oauth).await;
    let stranger = Signer::es256("zqx");
    let marked = |claims: &mut Value| {
        for name in ["sub", "oid", "tid", "upn", "name", "zqx", "appid", "azp"] {
            claims[name] = json!(MARK);
        }
    };
    let forged = gateway.claims(marked);
    let header = json!({"alg": "ES256", "kid": MARK, "zqx": MARK});
    let signed = |change: &dyn Fn(&mut Value)| {
        gateway.changed(|claims| {
            marked(claims);
            claims["azp"] = claims["appid"].clone();
            change(claims);
        })
    };
    let tokens = [
        ("none", String::new()),
        ("a forged one", stranger.sign(&header, &forged)),
        ("garbage", "zqx.zqx.zqx".to_owned()),
        ("of an unknown issuer", signed(&|claims| claims["iss"] = json!(MARK))),
        ("for another audience", signed(&|claims| claims["aud"] = json!(MARK))),
        ("expired", signed(&|claims| claims["exp"] = json!(1))),
        ("of a wrong type", signed(&|claims| claims["exp"] = json!(MARK))),
        ("without MFA", signed(&|claims| claims["amr"] = json!(["pwd"]))),
    ];
    let mut wrong = super::probe::Wrong::default();
    for (what, token) in &tokens {
        for path in ["/v1/zqx", "/oauth/zqx", "/zqx", "/v1/zqx/../zqx", "/v1/zqx%00", "/v1/x?zqx=zqx", "/v1//zqx"] {
            let bearer = format!("Bearer {token}");
            let fields = [
                ("X-Zqx", MARK),
                ("Zqx", "zqx"),
                ("Cookie", "zqx=zqx"),
                ("MS-RequestId", MARK),
                ("MS-CorrelationId", MARK),
                ("Referer", MARK),
                ("Origin", MARK),
                ("User-Agent", MARK),
                ("Accept", MARK),
                ("Authorization", bearer.as_str()),
            ];
            let answer =
                raw::request(gateway.address(), "GET", path, &fields[..if token.is_empty() { 9 } else { 10 }]).await;
            let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
            wrong.unless(!answer.to_ascii_lowercase().contains("zqx"), format!("{what} at {path}: {answer}"));
            wrong.unless(head.matches("\r\nwww-authenticate:").count() <= 1, format!("{what} at {path}: {head}"));
            wrong.unless(matches!(raw::status(&answer), 400 | 401 | 404), format!("{what} at {path}: {answer}"));
        }
    }
    // Of a verified token only what explains the refusal: in the body, escaped, and shortened.
    let odd = format!("{MARK}\r\nX-Zqx: 1\u{0}\u{1b}[31m");
    let token = signed(&|claims| (claims["amr"], claims["ver"]) = (json!([odd, "y".repeat(5000)]), json!(MARK)));
    for path in ["/v1/x", "/oauth/x"] {
        let answer =
            raw::request(gateway.address(), "GET", path, &[("Authorization", &format!("Bearer {token}"))]).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        wrong.unless(!head.to_ascii_lowercase().contains("zqx"), format!("{path}: {head}"));
        wrong.unless(
            !body.contains('\u{1b}') && !body.contains("X-Zqx: 1\0") && !body.contains(&"y".repeat(65)),
            format!("{path}: {body}"),
        );
    }
}

#[tokio::test]
async fn s12_every_request_on_a_connection_is_judged_on_its_own() {
    let gateway = Gateway::start().await;
    let (jane, john, app) = (gateway.jane(), gateway.john(), gateway.world.provider.app_token());
    let forged = format!("{}AAAA", &jane[..jane.len() - 4]);
    let who = [
        ("jane", Some(&jane), 200),
        ("john", Some(&john), 401),
        ("nobody", None, 401),
        ("app", Some(&app), 200),
        ("forger", Some(&forged), 401),
    ];
    // Pipelined over HTTP/1.1, in every order of two.
    for first in &who {
        for second in &who {
            let before = gateway.world.upstream.count();
            let requests = [first, second, first].map(|(name, token, _)| {
                let field = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
                format!("GET /v1/{name} HTTP/1.1\r\nHost: a\r\n{field}\r\n")
            });
            let last = "GET /v1/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            let answer =
                raw::exchange(gateway.address(), [requests.concat(), last.to_owned()].concat().as_bytes()).await;
            let codes: Vec<_> =
                answer.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap_or(0)).collect();
            assert_eq!(codes, [first.2, second.2, first.2, 401], "{} {}", first.0, second.0);
            let expected = [first.2, second.2, first.2].iter().filter(|code| **code == 200).count();
            assert_eq!(gateway.world.upstream.count() - before, expected, "{} {}", first.0, second.0);
        }
    }
    // At once over HTTP/2: every identity arrives with its own request.
    let http2 = Http2::connect(gateway.address()).await;
    for _ in 0..3 {
        let calls = (0..100).map(|at| {
            let (name, token, code) = who[at % who.len()];
            let call = Call::get(&format!("/v1/{name}"));
            let (http2, call) = (http2.clone(), token.map_or(call.clone(), |token| call.bearer(token)));
            async move { (name, code, http2.send(&call).await.code()) }
        });
        for (name, expected, code) in join_all(calls).await {
            assert_eq!(code, expected, "{name}");
        }
    }
    for seen in gateway.world.upstream.seen() {
        let class = if seen.target == "/v1/app" { "app_only" } else { "app_user" };
        assert_eq!(
            (seen.header("x-auth-request-class"), seen.target.contains("jane") || seen.target.contains("app")),
            (Some(class), true)
        );
    }
}

#[tokio::test]
async fn s12_a_remembered_verdict_is_the_whole_token_s_and_dies_with_what_it_rests_on() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let token = signer.token(&claims());
    probe.token("the first time", &token, Permitted).await;
    probe.token("remembered", &token, Permitted).await;
    let alphabet: Vec<char> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().collect();
    for (at, old) in token.char_indices().filter(|(at, _)| at % 3 == 0 || at + 100 > token.len()) {
        let new = alphabet[(alphabet.iter().position(|char| *char == old).unwrap_or(0) + 1) % alphabet.len()];
        let changed = format!("{}{new}{}", &token[..at], &token[at + 1..]);
        if old != '.' {
            probe.denied(format!("character {at} changed"), &changed).await;
        }
    }
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut john = claims();
    john["amr"] = json!(["pwd"]);
    let johns = signer.token(&john);
    let (johns_input, johns_signature) = johns.rsplit_once('.').unwrap();
    probe.denied("John's claims with Jane's signature", &format!("{johns_input}.{signature}")).await;
    probe.denied("Jane's claims with John's signature", &format!("{input}.{johns_signature}")).await;
    probe.denied("cut", &token[..token.len() - 1]).await;
    probe.denied("padded", &format!("{token}=")).await;
    probe.token("still remembered", &token, Permitted).await;
    probe.gateway.world.clock.advance(Duration::from_secs(3600 + 59));
    probe.token("in its last second", &token, Permitted).await;
    probe.gateway.world.clock.advance(Duration::from_secs(1));
    probe.token("expired", &token, Invalid).await;
}

#[tokio::test]
async fn s12_a_reload_forgets_what_was_verified_under_other_rules() {
    let gateway = Gateway::start().await;
    let (jane, john) = (gateway.jane(), gateway.john());
    let code = async |token: &str| gateway.get("/v1/customers", token).await.code();
    assert_eq!((code(&jane).await, code(&john).await), (200, 401));
    let changes = [
        (
            "another audience",
            CONFIG.replace("https://api.partnercenter.microsoft.com", "https://other.example"),
            401,
            401,
        ),
        ("another algorithm", CONFIG.replace("audiences:", "algorithms: [ES256], audiences:"), 401, 401),
        (
            "another rule of MFA",
            CONFIG.replace("audiences:", "mfa_evidence: { any: [{ claim: amr, contains: otp }] }, audiences:"),
            401,
            401,
        ),
        (
            "no MFA required",
            CONFIG
                .replace("{ prefix: /v1/, upstream: api }", "{ prefix: /v1/, upstream: api, require: authenticated }"),
            200,
            200,
        ),
        ("as it was", CONFIG.to_owned(), 200, 401),
    ];
    for (what, config, of_jane, of_john) in changes {
        gateway.reload(&config);
        assert_eq!((code(&jane).await, code(&john).await), (of_jane, of_john), "{what}");
    }
}
