//! What a client may say of itself, and what a backend may answer (24 to 27).

use std::time::Duration;

use super::probe::Wrong;
use super::wire::gateway;
use crate::support::gateway::CONFIG;
use crate::support::{Call, Gateway, Http2, raw};

#[tokio::test]
async fn s24_forwarding_fields_are_replaced_and_a_trusted_proxy_s_extended() {
    let spoofed = |call: Call| {
        [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "x-forwarded-user",
            "forwarded",
            "x-real-ip",
            "x-client-ip",
            "client-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "x-cluster-client-ip",
            "x-original-for",
            "x-envoy-external-address",
            "x_forwarded_for",
            "x_real_ip",
            "x-forwarded_for",
            "x.forwarded.for",
            "http_x_forwarded_for",
            "http_forwarded",
            "http_mfa_assertion",
            "http-mfa-assertion",
            "http_remote_user",
            "http_client_cert",
            "redirect_remote_user",
            "remote-addr",
            "x-forwarded",
        ]
        .into_iter()
        .fold(call, |call, name| call.header(name, "6.6.6.6"))
    };
    for (trusted, chain) in
        [("[]", "127.0.0.1"), ("[10.0.0.0/8]", "127.0.0.1"), ("[127.0.0.0/8]", "6.6.6.6, 127.0.0.1")]
    {
        let gateway = Gateway::with(&format!("{CONFIG}trusted_proxies: {trusted}\n")).await;
        let call = spoofed(Call::get("/v1/x").bearer(&gateway.jane()));
        assert_eq!(gateway.send(&call).await.code(), 200);
        assert_eq!(Http2::connect(gateway.address()).await.send(&call).await.code(), 200);
        for seen in gateway.world.upstream.seen() {
            let spoofed: Vec<_> = seen
                .headers
                .iter()
                .filter(|(_, value)| value.as_bytes() == b"6.6.6.6")
                .map(|(name, _)| name.as_str())
                .collect();
            let allowed: &[&str] = if chain.contains("6.6") { &["x-forwarded-host"] } else { &[] };
            assert_eq!(
                (seen.header("x-forwarded-for"), spoofed.as_slice()),
                (Some(chain), allowed),
                "trusted: {trusted}"
            );
            assert_eq!(seen.header("x-forwarded-proto"), Some("http"), "trusted: {trusted}");
        }
    }
}

#[tokio::test]
async fn s25_a_client_cannot_have_stripped_what_the_gateway_sets_or_what_authorises() {
    let (gateway, wire) = gateway().await;
    let own = [
        "X-Auth-Request-User",
        "X-Auth-Request-Class",
        "X-Auth-Request-Grounds",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "Authorization",
        "Host",
        "MS-RequestId",
        "Content-Length",
    ];
    for listed in own.into_iter().chain([
        "close, Authorization",
        "keep-alive, X-Auth-Request-User",
        "x-auth-request-user , host",
        "*",
        "\"Authorization\"",
        "X-Auth-Request-User, \u{e9}",
    ]) {
        let head = format!(
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nConnection: {listed}\r\nConnection: close\r\nConnection: X-Mine, \u{e9}\r\nX-Mine: 1\r\nContent-Length: 2\r\n\r\nok",
            gateway.jane()
        );
        assert_eq!(raw::status(&raw::exchange(gateway.address(), head.as_bytes()).await), 200, "{listed}");
        let arrived = String::from_utf8(wire.take()).unwrap().to_ascii_lowercase();
        for name in own {
            assert!(
                arrived.contains(&format!("\r\n{}: ", name.to_ascii_lowercase())),
                "{listed}: no {name} in {arrived}"
            );
        }
        assert!(!arrived.contains("x-mine") && !arrived.contains("\r\nconnection:"), "{listed}: {arrived}");
    }
    // And in the other direction.
    wire.answer(b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok", false);
    for answer in [
        gateway.get("/v1/x", &gateway.jane()).await,
        Http2::connect(gateway.address()).await.send(&Call::get("/v1/x").bearer(&gateway.jane())).await,
    ] {
        for name in ["x-secret", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "te"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert_eq!((answer.code(), answer.header("x-kept")), (200, Some("1")));
    }
}

/// Answers that are none, or that two readers would frame differently.
const GARBAGE: [&str; 27] = [
    "",
    "\r\n\r\n",
    "garbage\r\n\r\n",
    "220 smtp.internal.example ESMTP secret-build\r\n",
    "<html>secret-build</html>",
    "\0\0\0\0\0\0\0\0\0",
    "HTTP/1.1\r\n\r\n",
    "HTTP/1.1 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 -20 OK\r\n\r\n",
    "HTTP/1.1 abc OK\r\n\r\n",
    "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    "HTTP/3.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX secret-build\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nsecret-build",
    "HTTP/1.1 200 OK\r\nContent_Length: 9\r\nContent-Length: 2\r\n\r\nok",
];

#[tokio::test]
async fn s26_a_malformed_answer_becomes_502_without_internals() {
    let (gateway, wire) = gateway().await;
    let jane = gateway.jane();
    let port = wire.url().rsplit(':').next().unwrap().to_owned();
    let mut wrong = Wrong::default();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(20_000));
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(2_000_000));
    for garbage in GARBAGE.into_iter().chain([many.as_str(), long.as_str()]) {
        wire.answer(garbage.as_bytes(), true);
        let what = garbage.chars().take(80).collect::<String>();
        let fields = [("Authorization", &*format!("Bearer {jane}"))];
        let answer = raw::request(gateway.address(), "GET", "/v1/x", &fields).await;
        wrong.unless(raw::status(&answer) == 502, format!("{what:?}: {}", answer.lines().next().unwrap_or_default()));
        let tells = ["secret", "127.0.0.1", port.as_str(), "hyper", "parse", "Switching"]
            .into_iter()
            .find(|word| answer.contains(word));
        // A port of four digits may stand in a random id.
        wrong.unless(
            tells.is_none_or(|word| word == port && !answer.contains(&format!(":{port}"))),
            format!("{what:?} tells {tells:?}: {answer}"),
        );
        wrong.unless(
            answer.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count() == 1,
            format!("{what:?}: {answer}"),
        );
    }
    // A body that breaks off never looks whole.
    for cut in [
        "Content-Length: 9\r\n\r\nok",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nok",
    ] {
        wire.answer(format!("HTTP/1.1 200 OK\r\n{cut}").as_bytes(), true);
        let fields = [("Authorization", &*format!("Bearer {jane}"))];
        let answer = raw::request(gateway.address(), "GET", "/v1/x", &fields).await;
        let whole = answer.ends_with("0\r\n\r\n") || answer.contains("content-length: 2\r\n");
        wrong.unless(raw::status(&answer) == 502 || !whole, format!("{cut:?} looks whole: {answer}"));
    }
    wire.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
    wrong.unless(gateway.get("/v1/x", &jane).await.code() == 200, "afterwards it doesn't work");
}

#[tokio::test]
async fn s27_a_client_s_mistake_is_4xx_and_nothing_panics_or_hangs() {
    let gateway = Gateway::start().await;
    let jane = format!("Authorization: Bearer {}\r\n", gateway.jane());
    let mut wrong = Wrong::default();
    let mut random = fastrand::Rng::with_seed(27);
    let seeds = [
        "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Connection: close\r\n\r\n".to_owned(),
        "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Connection: close\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
        "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(),
    ];
    for round in 0..400 {
        let mut bytes =
            seeds[round % seeds.len()].replace("{auth}", if round % 2 == 0 { &jane } else { "" }).into_bytes();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..4) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.insert(at, *random.choice(b"\0\r\n\t :;,%#/\xff").unwrap()),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let exchange = raw::exchange_half_closed(gateway.address(), &bytes);
        let Ok(answer) = tokio::time::timeout(Duration::from_secs(12), exchange).await else {
            wrong.unless(false, format!("hangs: {:?}", String::from_utf8_lossy(&bytes)));
            continue;
        };
        let status = raw::status(&answer);
        wrong.unless(status < 500, format!("{status}: {:?}", String::from_utf8_lossy(&bytes)));
    }
    wrong.unless(gateway.metric("mfa_gateway_panics_total").await < 0.5, "something panicked");
    wrong.unless(gateway.get("/v1/x", &gateway.jane()).await.code() == 200, "afterwards it doesn't work");
}
