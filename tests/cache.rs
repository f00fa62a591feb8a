//! Verified tokens are remembered, decisions never: every request is judged on its own (SECURITY 12).

use std::time::Duration;

use mfa_gateway_demo::people;
use serde_json::json;

use crate::support::gateway::{AUDIENCE, CONFIG, START, assert_invalid, user_claims};
use crate::support::rule::with;
use crate::support::signer::key_set;
use crate::support::{Answer, Call, Gateway, Http1, Http2, Recorder, Signer, World, until};

const STATIC_KEYS: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: https://idp.example/, jwks_uri: \"${KEYS}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256], keys: { refresh_interval: 100ms } }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

const HITS: &str = "mfa_gateway_token_cache_hits_total";

#[tokio::test]
async fn a_remembered_token_dies_with_its_expiry() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    for hits in [0.0, 1.0] {
        assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
        assert!((gateway.metric(HITS).await - hits).abs() < 0.1);
    }
    // An hour and the allowed skew of a minute, less a second.
    gateway.world.clock.advance(Duration::from_secs(3659));
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    gateway.world.clock.advance(Duration::from_secs(1));
    assert_invalid("expired", &gateway.get("/v1/customers", &token).await, "token_expired");
    assert!((gateway.metric(HITS).await - 3.0).abs() < 0.1, "it was the remembered one");
}

#[tokio::test]
async fn an_untimely_token_is_remembered_too_and_judged_at_every_moment() {
    let gateway = Gateway::start().await;
    let sign = |nbf: i64, exp: i64| {
        let claims = gateway.claims(|claims| {
            claims["nbf"] = json!(START.as_secs() + nbf);
            claims["exp"] = json!(START.as_secs() + exp);
        });
        gateway.world.provider.sign_with(&gateway.header(), &claims)
    };
    let (token, late) = (sign(600, 1200), sign(-600, -300));
    let mut expected = 0.0;
    for (wait, token, found, hit) in [
        (0, &token, Err("token_not_yet_valid"), 0.0),
        (0, &token, Err("token_not_yet_valid"), 1.0),
        (600, &token, Ok(()), 0.0),
        (0, &token, Ok(()), 1.0),
        (0, &late, Err("token_expired"), 0.0),
        (0, &late, Err("token_expired"), 1.0),
        (660, &token, Err("token_expired"), 1.0),
    ] {
        gateway.world.clock.advance(Duration::from_secs(wait));
        let answer = gateway.get("/v1/customers", token).await;
        match found {
            Ok(()) => assert_eq!(answer.code(), 200),
            Err(reason) => assert_invalid("untimely", &answer, reason),
        }
        expected += hit;
        assert!((gateway.metric(HITS).await - expected).abs() < 0.1, "{found:?}");
    }
}

#[tokio::test]
async fn s12_a_remembered_token_dies_with_its_key() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let keys = Recorder::key_set(key_set(&[old.jwk(), new.jwk()])).await;
    let gateway = World::new().await.with("KEYS", &keys.url()).gateway(STATIC_KEYS).await;
    let claims = user_claims("https://idp.example/");
    let (of_old, of_new) = (old.token(&claims), new.token(&claims));
    for token in [&of_old, &of_new, &of_old, &of_new] {
        assert_eq!(gateway.get("/v1/customers", token).await.code(), 200);
    }
    let late = old.token(&with(claims, "exp", json!(START.as_secs() - 3600)));
    for _ in 0..2 {
        assert_invalid("late", &gateway.get("/v1/customers", &late).await, "token_expired");
    }
    keys.publish(key_set(&[new.jwk()]));
    until("the old key to be forgotten", async || gateway.get("/v1/customers", &of_old).await.code() == 401).await;
    assert_invalid("old key", &gateway.get("/v1/customers", &of_old).await, "key_unknown");
    assert_invalid("old key, late", &gateway.get("/v1/customers", &late).await, "key_unknown");
    assert_eq!(gateway.get("/v1/customers", &of_new).await.code(), 200);
}

#[tokio::test]
async fn s12_a_remembered_token_dies_when_its_key_is_replaced_under_the_same_kid() {
    let (old, new) = (Signer::es256("k"), Signer::es256("k"));
    let keys = Recorder::key_set(key_set(&[old.jwk()])).await;
    let gateway = World::new().await.with("KEYS", &keys.url()).gateway(STATIC_KEYS).await;
    let token = old.token(&user_claims("https://idp.example/"));
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    keys.publish(key_set(&[new.jwk()]));
    until("the key to be replaced", async || gateway.get("/v1/customers", &token).await.code() == 401).await;
    assert_invalid("old key", &gateway.get("/v1/customers", &token).await, "signature_invalid");
}

#[tokio::test]
async fn a_remembered_token_dies_with_the_configuration() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    gateway.reload(&CONFIG.replace(AUDIENCE, "https://another.example"));
    assert_invalid("another audience", &gateway.get("/v1/customers", &token).await, "audience_mismatch");
    gateway.reload(CONFIG);
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
}

#[tokio::test]
async fn the_whole_token_is_what_is_remembered() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    let last = token.chars().last().unwrap();
    let other = if last == 'A' { 'Q' } else { 'A' };
    let changed = format!("{}{other}", &token[..token.len() - 1]);
    assert_invalid("another last character", &gateway.get("/v1/customers", &changed).await, "signature_invalid");
    let (head, payload) = (gateway.header(), gateway.claims(|claims| claims["amr"] = json!(["mfa"])));
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = gateway.world.provider.sign_with(&head, &payload);
    let stolen = format!("{}.{}", swapped.rsplit_once('.').unwrap().0, parts[2]);
    assert_invalid("a remembered signature", &gateway.get("/v1/customers", &stolen).await, "signature_invalid");
}

#[tokio::test]
async fn with_a_cache_of_no_size_every_token_is_verified_anew() {
    let gateway = Gateway::with(&format!("{CONFIG}token_cache: {{ max_bytes: 0 }}\n")).await;
    let token = gateway.jane();
    for _ in 0..3 {
        assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    }
    assert!(gateway.metric(HITS).await < 0.1);
    assert!((gateway.metric("mfa_gateway_token_cache_misses_total").await - 3.0).abs() < 0.1);
}

#[tokio::test]
async fn requests_on_one_connection_are_judged_one_by_one() {
    let gateway = Gateway::start().await;
    let mut connection = Http1::connect(gateway.address()).await;
    let (jane, john, app) = (gateway.jane(), gateway.john(), gateway.world.provider.app_token());
    let get = Call::get("/v1/customers");
    for (what, call, status) in [
        ("Jane", get.clone().bearer(&jane), 200),
        ("John behind Jane", get.clone().bearer(&john), 401),
        ("nobody behind John", get.clone(), 401),
        ("the daemon", get.clone().bearer(&app), 200),
        ("garbage", get.clone().bearer("a.b.c"), 401),
        ("Jane again", get.clone().bearer(&jane), 200),
        ("nobody behind Jane", get, 401),
    ] {
        assert_eq!(connection.send(&call).await.code(), status, "{what}");
    }
    assert_eq!(gateway.world.upstream.count(), 3);
}

/// Who sends, and what must come back.
const SENDERS: [(&str, u16, Option<&str>); 5] = [
    ("jane", 200, Some("4988e250-5aee-482a-9136-6d269cb755c0")),
    ("john", 401, None),
    ("trent", 200, Some("7e2b90c1-46fd-4a83-b1de-35c8f9a6042b")),
    ("nobody", 401, None),
    ("daemon", 200, None),
];

#[tokio::test]
async fn concurrent_streams_never_share_a_verdict() {
    let gateway = Gateway::start().await;
    let (jane, john, trent) = (gateway.jane(), gateway.john(), gateway.token(&people::trent()));
    let app = gateway.world.provider.app_token();
    let http2 = Http2::connect(gateway.address()).await;
    let calls = (0..100).map(|at| {
        let (who, status, _) = SENDERS[at % SENDERS.len()];
        let call = Call::get(&format!("/v1/{who}/{at}"));
        let call = match who {
            "jane" => call.bearer(&jane),
            "john" => call.bearer(&john),
            "trent" => call.bearer(&trent),
            "daemon" => call.bearer(&app),
            _ => call,
        };
        let http2 = http2.clone();
        async move { (who, status, http2.send(&call).await) }
    });
    let answers: Vec<(&str, u16, Answer)> = futures_util::future::join_all(calls).await;
    for (who, status, answer) in answers {
        assert_eq!(answer.code(), status, "{who}");
    }
    let seen = gateway.world.upstream.seen();
    assert_eq!(seen.len(), 60);
    for request in seen {
        let who = request.target.split('/').nth(2).unwrap();
        let expected = SENDERS.iter().find(|(name, ..)| *name == who).unwrap();
        assert_eq!(expected.1, 200, "{who} reached the upstream");
        assert_eq!(request.header("x-auth-request-user"), expected.2, "{who}");
    }
}
