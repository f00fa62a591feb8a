//! Upstreams over HTTP/2: all requests of a thread share one connection, and no client spoils it for another.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mfa_gateway_core::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::gateway::START;
use crate::support::{CONFIG, Call, Gateway, Recorder, Scripted, Step, World, raw, skip, within};

/// More than sockets and windows hold.
const LARGE: usize = 24 << 20;

/// A gateway before `upstream`, which speaks HTTP/2.
async fn gateway(upstream: Recorder) -> Gateway {
    let world = World::at(Clock::manual(START), upstream).await;
    world.gateway(&CONFIG.replace("name: api,", "name: api, protocol: http2,")).await
}

/// How often exchanges with the endpoint failed, and whether it is set aside.
async fn trouble(gateway: &Gateway) -> (f64, f64) {
    trouble_at(gateway, &gateway.world.upstream.url()).await
}

async fn trouble_at(gateway: &Gateway, url: &str) -> (f64, f64) {
    let endpoint = url.replace("http://", "");
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

/// A backend whose first connection answers once, and is silent from then on.
async fn half_dead() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let asked = Arc::new(AtomicUsize::new(0));
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let asked = Arc::clone(&asked);
            let service = service_fn(move |_: Request<Incoming>| {
                let is_dead = connection == 0 && asked.fetch_add(1, Ordering::Relaxed) > 0;
                async move {
                    if is_dead {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
                }
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, serving)
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_not_used_for_long() {
    let (url, serving) = half_dead().await;
    let config = CONFIG.replace("name: api,", "name: api, response_timeout: 500ms, protocol: http2,");
    let gateway = World::new().await.gateway(&config.replace("${UPSTREAM}", &url)).await;
    for code in [200, 504, 200, 200] {
        assert_eq!(gateway.get("/v1/x", &gateway.jane()).await.code(), code);
    }
    serving.abort();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_counted() {
    let half = || vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), Step::Close];
    let upstream = Scripted::start(move |_| half()).await;
    let gateway = World::new().await.gateway(&CONFIG.replace("${UPSTREAM}", &upstream.url())).await;
    let fields = [("authorization", format!("Bearer {}", gateway.jane()))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = raw::request(gateway.address(), "GET", "/v1/x", &fields).await;
    assert!(raw::status(&answer) == 200 && answer.ends_with("half"), "{answer}");
    assert_eq!(trouble_at(&gateway, &upstream.url()).await, (1.0, 0.0));
}
