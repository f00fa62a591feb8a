//! Keys over time: outages, rotations and floods (SECURITY 20 to 22), seen from outside.

use std::time::{Duration, Instant};

use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use crate::support::gateway::{START, assert_invalid, user_claims};
use crate::support::key_server::{KEYS, KeyServer, METADATA, Reply, set_of, signer};
use crate::support::{Gateway, Signer, World, skip, until};

pub(super) const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - name: idp
    issuer: \"${KEYS}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [ES256]
    keys: { timeout: 400ms${MORE} }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /v1/, upstream: api }]
";

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A gateway that trusts this server's issuer, with these further `keys` settings.
pub(super) async fn gateway(server: &KeyServer, more: &str) -> Gateway {
    World::new().await.with("KEYS", &server.issuer()).with("MORE", more).gateway(CONFIG).await
}

/// A token that was not seen before.
pub(super) fn token(server: &KeyServer, signer: &Signer) -> String {
    let mut claims = user_claims(&server.issuer());
    claims["jti"] = json!(fastrand::u64(..).to_string());
    claims["exp"] = json!(START.as_secs() + 30 * 86_400);
    signer.token(&claims)
}

pub(super) async fn status(gateway: &Gateway, token: &str) -> u16 {
    gateway.get("/v1/customers", token).await.code()
}

pub(super) async fn failures(gateway: &Gateway) -> f64 {
    gateway.metric("mfa_gateway_jwks_fetches_total{issuer=\"idp\",result=\"failure\"}").await
}

async fn successes(gateway: &Gateway) -> f64 {
    gateway.metric("mfa_gateway_jwks_fetches_total{issuer=\"idp\",result=\"success\"}").await
}

/// Lets the refresh interval pass, and waits until an attempt to refresh has failed.
async fn fail_a_refresh(gateway: &Gateway, what: &str) {
    let before = failures(gateway).await;
    skip(HOUR).await;
    until(what, async || failures(gateway).await > before).await;
}

/// What readiness says of the issuer, and its status code.
pub(super) async fn readiness(gateway: &Gateway) -> (u16, Value) {
    let answer = gateway.admin("/readyz").await;
    (answer.code(), answer.json()["issuers"][0].clone())
}

/// Every way in which a key set can be bad.
fn bad_documents(key: &Signer) -> Vec<(&'static str, Reply)> {
    let good = set_of(&[key]);
    vec![
        ("an error", Reply::status(500)),
        ("an error with keys in it", Reply::Answer(503, Vec::new(), good.clone().into_bytes())),
        ("not found", Reply::status(404)),
        ("no content", Reply::status(204)),
        ("a 304 that nobody asked for", Reply::status(304)),
        ("part of it", Reply::Answer(206, Vec::new(), good.clone().into_bytes())),
        ("a redirect", Reply::Answer(302, vec![("Location", "/elsewhere".to_owned())], Vec::new())),
        ("nothing", Reply::json("")),
        ("a page", Reply::json("<html>down for maintenance</html>")),
        ("no key", Reply::json("{\"keys\":[]}")),
        ("no array", Reply::json("{\"keys\":{}}")),
        ("null", Reply::json("null")),
        ("no usable key", Reply::json("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AAAA\"},7]}")),
        ("rubbish behind it", Reply::json(format!("{good}x"))),
        ("bytes", Reply::Answer(200, Vec::new(), vec![0xff; 4096])),
        ("deep nesting", Reply::json("[".repeat(500_000))),
        ("deep nesting in a key", Reply::json(format!("{{\"keys\":[{}]}}", "{\"a\":".repeat(100_000)))),
        ("a document that is too large", Reply::json(format!("{}{good}", " ".repeat(16 << 20)))),
        ("a document that ends too soon", Reply::Cut(good.into_bytes())),
        ("a document without end", Reply::Endless(1 << 16, Duration::ZERO)),
        ("a document that drips", Reply::Endless(1, Duration::from_millis(20))),
        ("a head without end", Reply::EndlessHead),
        ("a late answer", Reply::Late(Duration::from_secs(2), Box::new(Reply::keys(&[key])))),
        ("silence", Reply::Silent),
        ("a closed connection", Reply::Closed),
    ]
}

#[tokio::test]
async fn s21_the_last_good_keys_outlast_every_bad_document_and_requests_stay_fast() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let gateway = gateway(&server, "").await;
    for (what, reply) in bad_documents(&key) {
        for path in [KEYS, METADATA] {
            server.recover(&[&key]);
            server.reply(path, reply.clone());
            skip(HOUR).await;
            let error = || async { readiness(&gateway).await.1["lastError"].clone() };
            until(what, async || error().await.is_string()).await;
            let start = Instant::now();
            assert_eq!(status(&gateway, &token(&server, &key)).await, 200, "{what} at {path}");
            assert!(start.elapsed() < Duration::from_secs(1), "{what}: {:?}", start.elapsed());
            assert_eq!(gateway.admin("/readyz").await.code(), 200, "{what}: it is still ready");
            server.recover(&[&key]);
            skip(HOUR).await;
            until("recovery", async || error().await.is_null()).await;
        }
    }
    assert_eq!(server.count("/elsewhere"), 0, "a redirect was followed");
}

#[tokio::test]
async fn s21_keys_that_grew_too_old_are_withdrawn_with_all_that_rests_on_them_until_the_issuer_is_back() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let gateway = gateway(&server, ", max_stale: 6h").await;
    let cached = token(&server, &key);
    assert_eq!(status(&gateway, &cached).await, 200);
    server.reply_all(&Reply::Closed);
    for hour in 1..6 {
        gateway.world.clock.advance(HOUR);
        fail_a_refresh(&gateway, "a refresh to fail").await;
        assert_eq!(status(&gateway, &cached).await, 200, "hour {hour}");
        let (code, about) = readiness(&gateway).await;
        assert_eq!((code, about["ageSeconds"].clone(), about["keys"].clone()), (200, json!(hour * 3600), json!(1)));
        assert!(about["lastError"].is_string() && about["failures"].as_u64().unwrap() > 0, "{about}");
    }
    gateway.world.clock.advance(HOUR);
    skip(Duration::from_secs(10)).await;
    until("the keys to be withdrawn", async || status(&gateway, &cached).await == 503).await;
    let refusal = gateway.get("/v1/customers", &token(&server, &key)).await;
    assert_eq!((refusal.code(), refusal.refusal().as_str()), (503, "keys_unavailable"));
    assert!(refusal.header("retry-after").is_some());
    let (code, about) = readiness(&gateway).await;
    assert_eq!((code, about["keys"].clone(), about["source"].clone()), (503, json!(0), Value::Null));
    assert!(about["failures"].as_u64().unwrap() > 5 && about["lastError"].is_string(), "{about}");
    server.recover(&[&key]);
    skip(Duration::from_secs(11)).await;
    until("the keys to be back", async || status(&gateway, &cached).await == 200).await;
    assert_eq!(readiness(&gateway).await.0, 200);
}

#[tokio::test]
async fn a_token_of_another_key_is_no_fault_of_the_caller_while_the_issuer_cannot_be_asked() {
    let (known, new) = (signer("a"), signer("b"));
    let server = KeyServer::start(&[&known]).await;
    let gateway = gateway(&server, "").await;
    let refusal = async || gateway.get("/v1/customers", &token(&server, &new)).await;
    assert_invalid("the issuer has no such key", &refusal().await, "key_unknown");
    for trouble in [Reply::Closed, Reply::status(500), Reply::Silent] {
        server.reply_all(&trouble);
        skip(HOUR).await;
        let answer = refusal().await;
        assert_eq!((answer.code(), answer.refusal().as_str()), (503, "keys_unavailable"), "{trouble:?}");
        assert_eq!(answer.header("www-authenticate"), None, "{trouble:?}");
        assert_eq!(status(&gateway, &token(&server, &known)).await, 200, "{trouble:?}");
    }
    server.recover(&[&known, &new]);
    skip(HOUR).await;
    until("the new key", async || status(&gateway, &token(&server, &new)).await == 200).await;
}

#[tokio::test]
async fn an_unchanged_key_set_is_not_sent_again_and_counts_as_fresh() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    server.reply(KEYS, Reply::Tagged(set_of(&[&key]), "\"v1\""));
    let gateway = gateway(&server, ", max_stale: 2h").await;
    let cached = token(&server, &key);
    assert_eq!(status(&gateway, &cached).await, 200);
    for round in 1..=4_u8 {
        gateway.world.clock.advance(HOUR);
        skip(HOUR).await;
        until("a refresh", async || server.count(KEYS) > usize::from(round)).await;
        until("its end", async || successes(&gateway).await > f64::from(round)).await;
        assert_eq!(readiness(&gateway).await.1["ageSeconds"], 0);
    }
    let asked = server.asked(KEYS);
    assert!(!asked[0].head.contains("if-none-match") && asked[1].head.contains("if-none-match: \"v1\""));
    let hits = gateway.metric("mfa_gateway_token_cache_hits_total").await;
    assert_eq!(status(&gateway, &cached).await, 200);
    assert!(gateway.metric("mfa_gateway_token_cache_hits_total").await > hits, "the verification was cached still");
}

#[tokio::test]
async fn a_short_max_age_is_honoured_and_none_at_all_is_no_storm() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let reply =
        |value: &str| Reply::Answer(200, vec![("Cache-Control", value.to_owned())], set_of(&[&key]).into_bytes());
    server.reply(KEYS, reply("public, max-age=600"));
    let gateway = gateway(&server, "").await;
    skip(Duration::from_secs(400)).await;
    assert_eq!(server.count(KEYS), 1);
    server.reply(KEYS, reply("no-store, max-age=0"));
    skip(Duration::from_secs(201)).await;
    until("the refresh after 600 seconds", async || successes(&gateway).await > 1.0).await;
    skip(Duration::from_secs(25)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.count(KEYS), 2, "a storm");
    skip(Duration::from_secs(6)).await;
    until("the refresh after 30 seconds", async || server.count(KEYS) == 3).await;
}

#[tokio::test]
async fn s20_a_new_key_works_at_once_and_a_removed_one_stops_within_the_interval() {
    let (old, new) = (signer("old"), signer("new"));
    let server = KeyServer::start(&[&old]).await;
    let gateway = gateway(&server, ", refresh_interval: 10m").await;
    let cached = token(&server, &old);
    assert_eq!(status(&gateway, &cached).await, 200);
    server.recover(&[&old, &new]);
    assert_eq!(status(&gateway, &token(&server, &new)).await, 200, "the request waited for the fetch");
    server.recover(&[&new]);
    skip(Duration::from_secs(600)).await;
    until("the removed key to stop", async || status(&gateway, &cached).await == 401).await;
    assert_eq!(status(&gateway, &token(&server, &new)).await, 200);
}

#[tokio::test]
async fn s20_a_key_that_is_replaced_under_its_name_is_learned_without_waiting_for_the_interval() {
    let (old, new) = (signer("a"), [signer("a"), Signer::new(Algorithm::EdDsa, "a")]);
    for next in &new {
        let server = KeyServer::start(&[&old]).await;
        let world = World::new().await.with("KEYS", &server.issuer()).with("MORE", "");
        let gateway = world.gateway(&CONFIG.replace("[ES256]", "[ES256, EdDSA]")).await;
        let cached = token(&server, &old);
        assert_eq!(status(&gateway, &cached).await, 200);
        server.recover(&[next]);
        let answer = gateway.get("/v1/customers", &token(&server, next)).await;
        assert_eq!(answer.code(), 401, "nobody waits for what is most likely forged");
        until("the new key to work", async || status(&gateway, &token(&server, next)).await == 200).await;
        assert_eq!(status(&gateway, &cached).await, 401, "the old key has stopped, cached verifications too");
    }
}

#[tokio::test]
async fn s22_forged_tokens_cost_a_few_fetches_and_delay_neither_good_tokens_nor_a_rotation() {
    let (key, new, forger) = (signer("a"), signer("new"), signer("a"));
    let server = KeyServer::start(&[&key]).await;
    let gateway = gateway(&server, "").await;
    let start = Instant::now();
    for round in 0..60 {
        let unknown = token(&server, &signer(&format!("forged-{round}")));
        assert_eq!(status(&gateway, &unknown).await, 401);
        assert_invalid("forged", &gateway.get("/v1/x", &token(&server, &forger)).await, "signature_invalid");
        let good = Instant::now();
        assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
        assert!(good.elapsed() < Duration::from_millis(500), "{:?}", good.elapsed());
    }
    let fetches = server.count(KEYS);
    assert!(fetches <= 4 + usize::try_from(start.elapsed().as_secs() / 8).unwrap(), "{fetches} fetches");
    server.recover(&[&key, &new]);
    let rotated = Instant::now();
    until("the new key", async || {
        let _ = status(&gateway, &token(&server, &forger)).await;
        status(&gateway, &token(&server, &new)).await == 200
    })
    .await;
    assert!(rotated.elapsed() < Duration::from_secs(10), "{:?}", rotated.elapsed());
}

#[tokio::test]
async fn s22_forged_tokens_on_a_server_that_hangs_leave_room_for_good_ones() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let config = format!("{}limits: {{ requests: 20 }}\n", CONFIG.replace("400ms", "5s"));
    let gateway = World::new().await.with("KEYS", &server.issuer()).with("MORE", "").gateway(&config).await;
    server.reply_all(&Reply::Silent);
    let address = gateway.address();
    let flood: Vec<_> = (0..40)
        .map(|round| {
            let forged = token(&server, &signer(&format!("forged-{round}")));
            tokio::spawn(async move {
                let call = crate::support::Call::get("/v1/x").bearer(&forged);
                crate::support::Http1::connect(address).await.send(&call).await.code()
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(status(&gateway, &token(&server, &key)).await, 200);
        assert!(start.elapsed() < Duration::from_secs(1));
    }
    let waiting = flood.iter().filter(|request| !request.is_finished()).count();
    assert!(waiting <= 5, "{waiting} of 20 requests wait for keys");
    flood.iter().for_each(tokio::task::JoinHandle::abort);
}
