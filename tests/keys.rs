//! Keys as a token's bearer meets them: an outage, its end, a rotation, a flood of forgeries. `key_lifecycle` has the
//! rest.

use mfa_gateway_core::clock::Clock;
use serde_json::json;

use crate::support::gateway::{CONFIG, START, user_claims};
use crate::support::signer::key_set;
use crate::support::{Call, Gateway, Http2, Recorder, Signer, World, until};

const BY_ADDRESS: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: https://idp.example/, jwks_uri: \"${KEYS}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256, RS256] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

#[tokio::test]
async fn without_keys_it_is_503_and_it_recovers_by_itself() {
    let world = World::new().await;
    world.provider.go_dark(true);
    let gateway = world.gateway(CONFIG).await;
    let token = gateway.jane();
    let answer = gateway.get("/v1/customers", &token).await;
    assert_eq!((answer.code(), answer.refusal().as_str()), (503, "keys_unavailable"));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "Retry-After: {wait}");
    assert_eq!(answer.header("www-authenticate"), None, "nothing is wrong with the token");
    assert_eq!(gateway.admin("/readyz").await.code(), 503);
    assert_eq!(gateway.admin("/livez").await.code(), 200);
    // What needs no keys goes on.
    assert_eq!(gateway.get("/healthz", &token).await.code(), 200);
    assert_eq!(gateway.send(&Call::get("/v1/customers")).await.code(), 401);
    gateway.world.provider.go_dark(false);
    until("recovery", async || gateway.get("/v1/customers", &token).await.code() == 200).await;
    assert_eq!(gateway.admin("/readyz").await.code(), 200);
}

#[tokio::test]
async fn an_outage_later_on_leaves_the_known_keys_working() {
    let gateway = Gateway::start().await;
    gateway.world.provider.go_dark(true);
    let (jane, john) = (gateway.jane(), gateway.john());
    assert_eq!(gateway.get("/v1/customers", &jane).await.code(), 200, "verified during the outage");
    assert_eq!(gateway.get("/v1/customers", &john).await.code(), 401);
    assert_eq!(gateway.admin("/readyz").await.code(), 200, "an issuer's trouble is not ours");
}

#[tokio::test]
async fn a_new_key_works_at_once_and_an_old_one_as_long_as_it_is_published() {
    let gateway = Gateway::start().await;
    let old = gateway.jane();
    let kid = gateway.world.provider.rotate(false);
    let new = gateway.jane();
    assert_ne!(old.split('.').next(), new.split('.').next(), "signed with {kid}");
    assert_eq!(gateway.get("/v1/customers", &new).await.code(), 200);
    assert_eq!(gateway.get("/v1/customers", &old).await.code(), 200);
    assert_eq!(gateway.world.provider.key_fetches(), 2);
}

#[tokio::test]
async fn s22_a_flood_of_forged_kids_costs_a_few_fetches_and_hides_no_rotation() {
    let gateway = Gateway::start().await;
    let stranger = Signer::new(mfa_gateway_core::token::Algorithm::Rs256, "stranger");
    let claims = gateway.claims(|_| {});
    let http2 = Http2::connect(gateway.address()).await;
    let flood = async || {
        let calls = (0..100).map(|at| {
            let header = json!({"alg": "RS256", "kid": format!("forged-{at}")});
            let (http2, token) = (http2.clone(), stranger.sign(&header, &claims));
            async move { http2.send(&Call::get("/v1/customers").bearer(&token)).await }
        });
        for answer in futures_util::future::join_all(calls).await {
            assert_eq!((answer.code(), answer.refusal().as_str()), (401, "key_unknown"));
        }
    };
    let good = gateway.jane();
    flood().await;
    let fetches = gateway.world.provider.key_fetches() - 1;
    assert!((1..=2).contains(&fetches), "{fetches} fetches for 100 forged tokens");
    assert_eq!(gateway.get("/v1/customers", &good).await.code(), 200);
    // In the middle of it the provider rotates.
    let kid = gateway.world.provider.rotate(false);
    let new = gateway.jane();
    until(&format!("the new key {kid}, during a flood"), async || {
        flood().await;
        gateway.get("/v1/customers", &new).await.code() == 200
    })
    .await;
    let fetches = gateway.world.provider.key_fetches() - 1;
    assert!(fetches <= 5, "{fetches} fetches");
}

#[tokio::test]
async fn s22_what_could_never_be_valid_costs_no_fetch() {
    let gateway = Gateway::start().await;
    let stranger = Signer::es256("stranger");
    let claims = gateway.claims(|_| {});
    let elsewhere = gateway.claims(|claims| claims["iss"] = json!("https://nobody.example/"));
    for at in 0..20 {
        let kid = format!("forged-{at}");
        for token in [
            stranger.sign(&json!({"alg": "ES256", "kid": kid}), &claims),
            stranger.sign(&json!({"alg": "HS256", "kid": kid}), &claims),
            stranger.sign(&json!({"alg": "RS256", "kid": kid}), &elsewhere),
            stranger.sign(&json!({"alg": "RS256", "kid": kid, "crit": ["x"]}), &claims),
        ] {
            assert_eq!(gateway.get("/v1/customers", &token).await.code(), 401);
        }
    }
    assert_eq!((gateway.world.provider.key_fetches(), gateway.world.provider.discovery_fetches()), (1, 1));
}

#[tokio::test]
async fn s03_one_unusable_entry_does_not_disable_the_others_and_is_never_used() {
    let (good, weak) = (Signer::es256("good"), Signer::es256("weak"));
    let mut private = Signer::es256("private").jwk();
    private["d"] = json!("AAAA");
    let mut encryption = weak.jwk();
    encryption["use"] = json!("enc");
    let small = json!({"kty": "RSA", "kid": "small", "n": "x".repeat(171), "e": "AQAB"});
    let off_curve = json!({"kty": "EC", "crv": "P-256", "kid": "off", "x": good.jwk()["x"], "y": good.jwk()["x"]});
    let shared = json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0"});
    let entries = [json!(1), small, off_curve, shared, private, encryption, good.jwk()];
    let keys = Recorder::key_set(key_set(&entries)).await;
    let gateway = World::new().await.with("KEYS", &keys.url()).gateway(BY_ADDRESS).await;
    let claims = user_claims("https://idp.example/");
    assert_eq!(gateway.get("/v1/customers", &good.token(&claims)).await.code(), 200);
    gateway.refuses("a key for encryption", &weak.token(&claims), "key_unknown").await;
}

#[tokio::test]
async fn s21_a_redirect_to_other_keys_is_not_followed() {
    let stranger = Signer::es256("k");
    let lure = Recorder::key_set(key_set(&[stranger.jwk()])).await;
    let target = lure.url();
    let keys = Recorder::answering(move |_| {
        http::Response::builder().status(302).header("location", &target).body(http_body_util::Full::default()).unwrap()
    })
    .await;
    let world = World::at(Clock::manual(START), Recorder::start().await).await;
    let gateway = world.with("KEYS", &keys.url()).gateway(BY_ADDRESS).await;
    let token = stranger.token(&user_claims("https://idp.example/"));
    assert_eq!(gateway.get("/v1/customers", &token).await.refusal(), "keys_unavailable");
    assert_eq!(lure.count(), 0);
}
