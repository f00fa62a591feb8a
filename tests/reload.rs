//! A new configuration takes effect at once, for everything new, and disturbs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mfa_gateway_core::clock::Clock;
use mfa_gateway_demo::people::{jane, john};
use mfa_gateway_demo::provider::TokenOptions;
use tokio::task::JoinSet;

use crate::support::{CONFIG, Call, Gateway, Http1, Http2, Process, Recorder, World, until, within};

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

/// What a process is configured with; it tells the real time.
const PROCESS: &str = "
listeners: [{ address: ${TRAFFIC} }]
admin: { address: ${ADMIN} }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

/// With `MFA_GATEWAY_BIN` it tries another binary, and `--nocapture` shows the rate.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the rate is worth knowing")]
async fn s34_fifty_reloads_under_load_drop_nothing_and_answer_nothing_wrongly() {
    let world = World::at(Clock::default(), Recorder::start().await).await;
    let strict = world.text(PROCESS);
    let lax = strict.replace("upstream: api }", "upstream: api, mode: report }");
    let process = Process::start(&strict).await;
    let token = |person| world.provider.access_token_for(&person, &TokenOptions::default());
    let (jane, of_john) = (Call::get("/v1/x").bearer(&token(jane())), Call::get("/v1/x").bearer(&token(john())));
    // Whether MFA is enforced changes all the time, and nothing else does.
    let calls = [(jane, &[200][..]), (of_john.clone(), &[200, 401]), (Call::get("/v1/x"), &[401])];
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    let http2 = Http2::connect(process.address).await;
    for at in 0..24 {
        let (calls, stop, http2, address) = (calls.clone(), Arc::clone(&stop), http2.clone(), process.address);
        callers.spawn(async move {
            let mut http1 = Http1::connect(address).await;
            let mut sent = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                for (call, expected) in &calls {
                    let answer = if at % 3 == 0 { http2.send(call).await } else { http1.send(call).await };
                    assert!(expected.contains(&answer.code()), "{} instead of {expected:?}", answer.code());
                    sent += 1;
                }
            }
            sent
        });
    }
    let begin = Instant::now();
    let mut own = Http1::connect(process.address).await;
    for round in 0..50 {
        let (text, expected) = if round % 2 == 0 { (&lax, 200) } else { (&strict, 401) };
        process.write(text);
        // The last change is noticed without a signal.
        if round < 49 {
            process.signal("HUP");
        }
        until("the change to count", async || own.send(&of_john).await.code() == expected).await;
    }
    let time = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut requests = 0;
    while let Some(sent) = within("the callers", callers.join_next()).await {
        requests += sent.unwrap();
    }
    println!("{requests} requests in {time:?} ({:.0}/s) through 50 reloads", f64::from(requests) / time.as_secs_f64());
}
