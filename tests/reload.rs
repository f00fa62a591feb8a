//! A new configuration takes effect at once, for everything new, and disturbs nothing.

use std::time::Duration;

use mfa_gateway::demo::people::john;

use crate::support::{CONFIG, Call, Gateway, Http1, within};

/// The configuration, with MFA only reported.
fn reporting() -> String {
    CONFIG.replace("{ prefix: /v1/, upstream: api }", "{ prefix: /v1/, upstream: api, mode: report }")
}

#[tokio::test]
async fn s34_the_next_request_on_the_same_connection_is_judged_by_the_new_configuration() {
    let gateway = Gateway::start().await;
    let token = gateway.token(&john());
    let mut connection = Http1::connect(gateway.address()).await;
    let call = Call::get("/v1/customers").bearer(&token);
    assert_eq!(connection.send(&call).await.code(), 401);
    gateway.reload(&reporting());
    assert_eq!(connection.send(&call).await.code(), 200);
    gateway.reload(CONFIG);
    assert_eq!(connection.send(&call).await.code(), 401);
}

#[tokio::test]
async fn keys_are_kept_so_that_an_outage_during_a_reload_goes_unnoticed() {
    let gateway = Gateway::start().await;
    let fetches = gateway.world.provider.key_fetches();
    gateway.world.provider.go_dark(true);
    gateway.reload(&reporting());
    assert_eq!(gateway.get("/v1/customers", &gateway.jane()).await.code(), 200);
    assert_eq!(gateway.world.provider.key_fetches(), fetches);
    // Another interval makes another source, which begins with the keys of the one before.
    let other = CONFIG.replace("audiences:", "keys: { refresh_interval: 30m }, audiences:");
    gateway.reload(&other);
    assert_eq!(gateway.get("/v1/customers", &gateway.jane()).await.code(), 200);
}

#[tokio::test]
async fn a_verified_token_does_not_outlive_the_audience_it_was_verified_for() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    assert_eq!(gateway.get("/v1/customers", &token).await.code(), 200);
    gateway.reload(&CONFIG.replace("audiences: [https://api.partnercenter.microsoft.com]", "audiences: [api://other]"));
    let answer = gateway.get("/v1/customers", &token).await;
    assert_eq!(answer.refusal(), "audience_mismatch");
}

#[tokio::test]
async fn fifty_reloads_under_load_answer_nothing_wrongly() {
    let gateway = Gateway::start().await;
    let (address, jane) = (gateway.address(), gateway.jane());
    let caller = tokio::spawn(async move {
        let mut connection = Http1::connect(address).await;
        let call = Call::get("/v1/customers").bearer(&jane);
        let mut codes = Vec::new();
        for _ in 0..400 {
            codes.push(connection.send(&call).await.code());
        }
        codes
    });
    let reporting = reporting();
    for round in 0..50 {
        gateway.reload(if round % 2 == 0 { &reporting } else { CONFIG });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let codes = within("the calls", caller).await.unwrap();
    assert!(codes.iter().all(|code| *code == 200), "{codes:?}");
}
