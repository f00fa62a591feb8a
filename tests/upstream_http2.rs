//! Upstreams over HTTP/2: all requests of a thread share one connection, and no client spoils it for another.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use mfa_gateway::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::gateway::START;
use crate::support::{CONFIG, Call, Gateway, Recorder, World, raw, skip, within};

/// More than sockets and windows hold.
const LARGE: usize = 24 << 20;

/// A gateway before `upstream`, which speaks HTTP/2.
async fn gateway(upstream: Recorder) -> Gateway {
    let world = World::at(Clock::manual(START), upstream).await;
    world.gateway(&CONFIG.replace("name: api,", "name: api, protocol: http2,")).await
}

/// How often exchanges with the endpoint failed, and whether it is set aside.
async fn trouble(gateway: &Gateway) -> (f64, f64) {
    let endpoint = gateway.world.upstream.url().replace("http://", "");
    let labels = format!("upstream=\"api\",endpoint=\"{endpoint}\"");
    let failures = format!("mfa_gateway_upstream_failures_total{{{labels},kind=\"exchange\"}}");
    let aside = format!("mfa_gateway_upstream_set_aside{{{labels}}}");
    (gateway.metric(&failures).await, gateway.metric(&aside).await)
}

#[tokio::test]
async fn clients_that_do_not_read_their_answers_keep_none_from_others() {
    let large = Bytes::from(vec![b'x'; LARGE]);
    let answer = move |target: &str| if target == "/v1/large" { large.clone() } else { Bytes::from_static(b"ok") };
    let upstream = Recorder::http2_answering(move |seen| Response::new(Full::new(answer(&seen.target)))).await;
    let gateway = gateway(upstream).await;
    let jane = gateway.jane();
    let head = format!("GET /v1/large HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jane}\r\n\r\n");
    let mut stalled = Vec::new();
    for _ in 0..16 {
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        within("the answer's head", client.read_u8()).await.unwrap();
        stalled.push(client);
    }
    // What is on its way fills all there is to fill.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..3 {
        let answer = timeout(Duration::from_secs(5), gateway.get("/v1/x", &jane)).await;
        assert_eq!(answer.expect("others don't wait for it").code(), 200);
    }
    // One that reads on gets everything.
    let mut read = vec![0; 1 << 20];
    let mut left = LARGE;
    while left > 0 {
        left -= within("the rest", stalled[0].read(&mut read)).await.unwrap().min(left);
    }
}

#[tokio::test]
async fn a_broken_upload_is_the_clients_fault_alone() {
    let gateway = gateway(Recorder::http2().await).await;
    let head = |framing: &str| {
        format!("POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{framing}\r\n\r\n", gateway.jane())
    };
    let malformed = head("Transfer-Encoding: chunked") + "3\r\nabc\r\nz\r\n";
    let cut = head("Content-Length: 9") + "abc";
    for (bytes, code, reason) in [(malformed, 400, "malformed_request"), (cut, 408, "body_incomplete")] {
        let answer = raw::exchange_half_closed(gateway.address(), bytes.as_bytes()).await;
        assert!(raw::status(&answer) == code && answer.contains(reason), "{answer}");
        assert_eq!(trouble(&gateway).await, (0.0, 0.0), "{reason}");
    }
    assert_eq!(gateway.get("/v1/x", &gateway.jane()).await.code(), 200);
}

#[tokio::test]
async fn an_upload_that_stands_still_is_the_clients_fault_alone() {
    let gateway = gateway(Recorder::http2().await).await;
    let head = format!(
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 9\r\n\r\nabc",
        gateway.jane()
    );
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    skip(Duration::from_secs(61)).await;
    let mut answer = vec![0; 4096];
    let read = within("the answer", client.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(raw::status(&answer) == 408, "{answer}");
    assert_eq!(trouble(&gateway).await, (0.0, 0.0));
}

#[tokio::test]
async fn another_endpoint_is_told_the_same_host() {
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let world =
        World::at(Clock::manual(START), Recorder::http2().await).await.with("DEAD", &format!("http://{closed}"));
    let config = CONFIG
        .replace("name: api,", "name: api, protocol: http2,")
        .replace("\"${UPSTREAM}\"]", "\"${UPSTREAM}\", \"${DEAD}\"]");
    let gateway = world.gateway(&config).await;
    let endpoint = format!("upstream=\"api\",endpoint=\"{closed}\",kind=\"connect\"");
    let failures = format!("mfa_gateway_upstream_failures_total{{{endpoint}}}");
    for request in 1.. {
        let call = Call::get("/v1/x").header("host", "shop.example").bearer(&gateway.jane());
        assert_eq!(gateway.send(&call).await.code(), 200);
        assert_eq!(gateway.world.upstream.seen().pop().unwrap().header("host"), Some("shop.example"));
        if gateway.metric(&failures).await > 0.0 {
            break;
        }
        assert!(request < 100, "the other endpoint was never tried");
    }
}
