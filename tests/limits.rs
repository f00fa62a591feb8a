//! What one caller may take of the gateway.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::support::{Call, Gateway, Http1, Http2, Recorder, World, raw, skip, until, within};

/// Connections that come from addresses of the test's choice.
const BALANCED: &str = "
listeners: [{ address: 127.0.0.1:0, proxy_protocol: required }]
admin: { address: 127.0.0.1:0 }
trusted_proxies: [127.0.0.1, 198.51.100.0/24]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
limits: { connections_per_address: 2 }
";

/// A connection from an address, if it is served.
async fn connect(gateway: &Gateway, from: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let family = if from.contains(':') { "TCP6" } else { "TCP4" };
    let bytes = format!("PROXY {family} {from} {from} 4000 443\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    let read = within("an answer or an end", stream.read_exact(&mut status)).await;
    read.is_ok().then(|| assert_eq!(&status, b"HTTP/1.1 200"))?;
    Some(stream)
}

#[tokio::test]
async fn an_address_that_has_too_many_connections_harms_itself_alone() {
    let gateway = Gateway::with(BALANCED).await;
    let first = connect(&gateway, "203.0.113.7").await.unwrap();
    let _second = connect(&gateway, "203.0.113.7").await.unwrap();
    assert!(connect(&gateway, "203.0.113.7").await.is_none());
    let _other = connect(&gateway, "203.0.113.8").await.unwrap();
    let refused = gateway.metric("mfa_gateway_connections_refused_total{reason=\"per_address\"}").await;
    assert!((refused - 1.0).abs() < 0.5, "{refused}");
    drop(first);
    until("its place to be free", async || connect(&gateway, "203.0.113.7").await.is_some()).await;
}

#[tokio::test]
async fn a_trusted_proxy_behind_a_balancer_has_as_many_connections_as_it_likes() {
    let gateway = Gateway::with(BALANCED).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(connect(&gateway, "198.51.100.1").await.unwrap());
    }
    // A reload changes the limit for connections to come.
    gateway.reload(&BALANCED.replace("connections_per_address: 2", "connections_per_address: 0"));
    for _ in 0..4 {
        open.push(connect(&gateway, "203.0.113.7").await.unwrap());
    }
    assert_eq!(open.len(), 8);
}

/// Two routes that share a limit, and one in the other dialect; app-only tokens pass too.
const LIMITED: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
rate_limits: [{ name: few, requests: 2, per: 1m, key: KEY }]
routes:
  - { prefix: /v1/, upstream: api, rate_limit: few }
  - { prefix: /v2/, upstream: api, rate_limit: few, dialect: oauth }
  - { prefix: /free/, upstream: api }
  - { prefix: /open/, upstream: api, rate_limit: few, require: public }
";

#[tokio::test]
async fn a_caller_beyond_its_rate_is_refused_and_may_come_back() {
    let gateway = Gateway::with(&LIMITED.replace("KEY", "user")).await;
    let (jane, daemon) = (gateway.jane(), gateway.world.provider.app_token());
    assert_eq!(gateway.get("/v1/x", &jane).await.code(), 200);
    assert_eq!(gateway.get("/v2/x", &jane).await.code(), 200);
    let refused = gateway.get("/v1/x", &jane).await;
    assert_eq!((refused.code(), refused.refusal().as_str()), (429, "rate_limited"));
    assert_eq!((refused.header("retry-after"), refused.json()["code"].as_str()), (Some("30"), Some("429")));
    assert_eq!(refused.header("www-authenticate"), None);
    let oauth = gateway.get("/v2/x", &jane).await;
    assert_eq!((oauth.code(), oauth.header("content-type")), (429, Some("application/problem+json")));
    assert_eq!(
        (oauth.json()["status"].as_u64(), oauth.json()["title"].as_str()),
        (Some(429), Some("Too Many Requests"))
    );
    assert_eq!(gateway.world.upstream.count(), 2);
    // Others, and other routes, aren't touched; and a reload of something else gives no fresh budget.
    gateway.reload(&LIMITED.replace("KEY", "user").replace("/free/", "/freer/"));
    assert_eq!(gateway.get("/v1/x", &daemon).await.code(), 200);
    assert_eq!(gateway.get("/freer/x", &jane).await.code(), 200);
    assert_eq!(gateway.get("/v1/x", &jane).await.code(), 429);
    let counted = "mfa_gateway_requests_total{route=\"/v1/\",credential=\"bearer\",result=\"refused\",reason=\"rate_limited\",\
         class=\"app_user\",status=\"4xx\",responder=\"gateway\"}";
    assert!((gateway.metric(counted).await - 2.0).abs() < 0.5);
    skip(Duration::from_secs(31)).await;
    assert_eq!(gateway.get("/v1/x", &jane).await.code(), 200);
}

#[tokio::test]
async fn nobody_uses_up_the_budget_of_another() {
    let gateway = Gateway::with(&LIMITED.replace("KEY", "application")).await;
    let jane = gateway.jane();
    let forged = format!("{}AAAA", &jane[..jane.len() - 4]);
    for token in [&forged, &gateway.john(), &gateway.changed(|claims| claims["exp"] = 1.into())] {
        for _ in 0..3 {
            assert_eq!(gateway.get("/v1/x", token).await.code(), 401);
        }
    }
    // What a header says of the caller counts as little.
    let call = Call::get("/v1/x").bearer(&jane);
    for name in ["x-auth-request-application", "x-forwarded-for", "x-real-ip"] {
        let code = gateway.send(&call.clone().header(name, "203.0.113.9")).await.code();
        assert_eq!(code, if name == "x-real-ip" { 429 } else { 200 });
    }
    // Another user of the same application has the same budget.
    let other = gateway.changed(|claims| claims["oid"] = "another".into());
    assert_eq!(gateway.get("/v1/x", &other).await.code(), 429);
    let elsewhere = gateway.changed(|claims| claims["appid"] = "another".into());
    assert_eq!(gateway.get("/v1/x", &elsewhere).await.code(), 200);
}

#[tokio::test]
async fn without_a_token_the_address_counts() {
    let gateway = Gateway::with(&LIMITED.replace("KEY", "tenant")).await;
    let jane = gateway.jane();
    for expected in [200, 200, 429] {
        // A token on a public route isn't looked at, so it lends no budget either.
        assert_eq!(gateway.get("/open/x", &jane).await.code(), expected);
    }
    assert_eq!(gateway.get("/v1/x", &jane).await.code(), 200);
}

const BODIES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams:
  - { name: api, endpoints: [\"${UPSTREAM}\"] }
  - { name: h2, endpoints: [\"${HTTP2}\"], protocol: http2 }
limits: { body_bytes: 8 }
routes:
  - { prefix: /v1/, upstream: api }
  - { prefix: /open/, upstream: api, require: public }
  - { prefix: /h2/, upstream: h2, require: public }
  - { prefix: /more/, upstream: api, require: public, body_bytes: 16 }
";

/// A request whose body's length is only known at its end.
fn unannounced(target: &str, body: &str) -> Call {
    Call::post(target, body).trailer("x-end", "1")
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_never_reaches_the_upstream() {
    let http2 = Recorder::http2().await;
    let gateway = World::new().await.with("HTTP2", &http2.url()).gateway(BODIES).await;
    let refused = gateway.send(&Call::post("/open/x", "123456789")).await;
    assert_eq!((refused.code(), refused.refusal().as_str()), (413, "body_too_large"));
    assert_eq!(refused.header("connection"), Some("close"));
    let over_http2 = Http2::connect(gateway.address()).await;
    assert_eq!(over_http2.send(&Call::post("/open/x", "123456789").header("content-length", "9")).await.code(), 413);
    // It isn't asked for either; and whoever may not pass hears that first.
    let head = "POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    assert!(raw::exchange(gateway.address(), head.as_bytes()).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(gateway.send(&Call::post("/v1/x", "123456789").bearer(&gateway.john())).await.code(), 401);
    assert_eq!(gateway.world.upstream.count(), 0);
    for (target, body) in [("/open/x", "12345678"), ("/more/x", "123456789")] {
        assert_eq!(gateway.send(&Call::post(target, body)).await.code(), 200);
    }
    assert_eq!(gateway.world.upstream.count(), 2);
}

#[tokio::test]
async fn a_body_that_grows_too_long_is_broken_off() {
    let http2 = Recorder::http2().await;
    let gateway = World::new().await.with("HTTP2", &http2.url()).gateway(BODIES).await;
    for target in ["/open/x", "/h2/x"] {
        let refused = gateway.send(&unannounced(target, "123456789")).await;
        assert_eq!((refused.code(), refused.refusal().as_str()), (413, "body_too_large"), "{target}");
        let over_http2 = Http2::connect(gateway.address()).await;
        assert_eq!(over_http2.send(&unannounced(target, "123456789")).await.code(), 413, "{target}");
        assert_eq!(gateway.send(&unannounced(target, "12345678")).await.code(), 200, "{target}");
    }
    // No upstream took what it got for a whole request.
    for seen in [gateway.world.upstream.seen(), http2.seen()].concat() {
        assert!(seen.body == "12345678" || seen.body == "(broke off)", "{seen:?}");
    }
}

const NARROW: &str = "
listeners: [{ address: 127.0.0.1:0 }]
upstreams:
  - { name: api, endpoints: [\"${UPSTREAM}\"] }
  - { name: silent, endpoints: [\"${SILENT}\"] }
routes:
  - { prefix: /, upstream: api, require: public }
  - { prefix: /silent/, upstream: silent, require: public }
limits: { requests: 1 }
";

#[tokio::test]
async fn beyond_the_limit_of_requests_the_answer_comes_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let gateway = World::new().await.with("SILENT", &url).gateway(NARROW).await;
    let mut waiting = TcpStream::connect(gateway.address()).await.unwrap();
    waiting.write_all(b"GET /silent/x HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let _held = within("the request upstream", silent.accept()).await.unwrap();
    // The one in flight isn't answered for a minute; this one doesn't wait for it.
    let shed = gateway.send(&Call::get("/x")).await;
    assert_eq!((shed.code(), shed.refusal().as_str(), shed.header("retry-after")), (503, "overloaded", Some("1")));
    drop(waiting);
    until("its place to be free", async || gateway.send(&Call::get("/x")).await.code() == 200).await;
}

/// Takes the only place there is.
async fn fill(gateway: &Gateway, silent: &TcpListener) -> (TcpStream, TcpStream) {
    let mut waiting = TcpStream::connect(gateway.address()).await.unwrap();
    waiting.write_all(b"GET /silent/x HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let behind = within("the request upstream", silent.accept()).await.unwrap().0;
    (waiting, behind)
}

#[tokio::test]
async fn whoever_asks_again_at_once_is_heard_later_each_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let gateway = World::new().await.with("SILENT", &url).gateway(NARROW).await;
    let (call, code) = (Call::get("/x"), async |http1: &mut Http1| http1.send(&Call::get("/x")).await.code());
    let mut hasty = Http1::connect(gateway.address()).await;
    let full = fill(&gateway, &silent).await;
    let start = Instant::now();
    for (before, at_least) in [0, 20, 60, 140, 300, 460].into_iter().enumerate() {
        assert_eq!(code(&mut hasty).await, 503);
        let took = start.elapsed().as_millis();
        assert!(took >= at_least, "{took} ms with {before} refusals before");
    }
    // A connection over HTTP/2 is many clients' at times, and goes on.
    let start = Instant::now();
    let http2 = Http2::connect(gateway.address()).await;
    for _ in 0..20 {
        assert_eq!(http2.send(&call).await.code(), 503);
    }
    assert_eq!(code(&mut Http1::connect(gateway.address()).await).await, 503);
    assert!(start.elapsed().as_millis() < 2500, "with pauses it would be three seconds");
    drop(full);
}

#[tokio::test]
async fn whoever_was_admitted_is_heard_at_once_again() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let gateway = World::new().await.with("SILENT", &url).gateway(NARROW).await;
    let code = async |http1: &mut Http1| http1.send(&Call::get("/x")).await.code();
    let mut patient = Http1::connect(gateway.address()).await;
    let full = fill(&gateway, &silent).await;
    for _ in 0..6 {
        assert_eq!(code(&mut patient).await, 503);
    }
    drop(full);
    until("its place to be free", async || gateway.send(&Call::get("/x")).await.code() == 200).await;
    assert_eq!(code(&mut patient).await, 200);
    let start = Instant::now();
    assert_eq!(code(&mut patient).await, 200);
    let _full = fill(&gateway, &silent).await;
    assert_eq!(code(&mut patient).await, 503);
    assert_eq!(code(&mut patient).await, 503);
    // Without the admission it would be 320 ms.
    let took = start.elapsed().as_millis();
    assert!((20..300).contains(&took), "{took} ms");
}
