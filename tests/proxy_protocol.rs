//! The PROXY protocol in front of HTTP: who may speak it, and what becomes of what it tells.

use std::net::SocketAddr;

use crate::support::{Gateway, raw, until};

/// `trusted` takes the place of the networks.
fn config(trusted: &str) -> String {
    format!(
        "
listeners: [{{ address: 127.0.0.1:0, proxy_protocol: required }}]
admin: {{ address: 127.0.0.1:0 }}
trusted_proxies: [{trusted}]
upstreams: [{{ name: api, endpoints: [\"${{UPSTREAM}}\"] }}]
routes: [{{ prefix: /, upstream: api, require: public }}]
timeouts: {{ header: 500ms }}
"
    )
}

const REQUEST: &str =
    "GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

async fn exchange(address: SocketAddr, head: &[u8]) -> u16 {
    raw::status(&raw::exchange(address, &[head, REQUEST.as_bytes()].concat()).await)
}

#[tokio::test]
async fn the_address_that_a_trusted_proxy_tells_is_the_clients() {
    let gateway = Gateway::with(&config("127.0.0.0/8")).await;
    let binary = [SIGNATURE, &[0x21, 0x11, 0, 12], &[203, 0, 113, 8, 10, 0, 0, 1, 0x10, 0, 1, 187]].concat();
    for (head, client) in [
        (&b"PROXY TCP4 203.0.113.7 10.0.0.1 4000 443\r\n"[..], "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 443\r\n", "2001:db8::7"),
        (&binary, "203.0.113.8"),
    ] {
        assert_eq!(exchange(gateway.address(), head).await, 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!(seen.header("x-forwarded-for"), Some(client), "a client is not believed what it says of others");
        assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    }
    // A trusted proxy behind the trusted balancer is.
    assert_eq!(exchange(gateway.address(), b"PROXY TCP4 127.0.0.9 127.0.0.1 4000 443\r\n").await, 200);
    let seen = gateway.world.upstream.seen().pop().unwrap();
    assert_eq!(seen.header("x-forwarded-for"), Some("9.9.9.9, 127.0.0.9"));
}

#[tokio::test]
async fn a_proxy_that_hides_its_client_lends_it_no_trust() {
    let gateway = Gateway::with(&config("127.0.0.0/8")).await;
    let local = [SIGNATURE, &[0x20, 0, 0, 0]].concat();
    for head in [&b"PROXY UNKNOWN\r\n"[..], &local] {
        assert_eq!(exchange(gateway.address(), head).await, 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    }
}

#[tokio::test]
async fn connections_without_a_sound_head_are_closed_unanswered_and_counted() {
    let gateway = Gateway::with(&config("127.0.0.0/8")).await;
    for head in [&b""[..], b"PROXY TCP4 a b c d\r\n", &[SIGNATURE, &[0x31, 0x11, 0, 0]].concat()] {
        let answer = raw::exchange(gateway.address(), &[head, REQUEST.as_bytes()].concat()).await;
        assert_eq!(answer, "", "{head:?}");
    }
    // A head that never ends is given up at the deadline of a head.
    assert_eq!(raw::exchange(gateway.address(), b"PROXY TCP4 203.0.113.7 ").await, "");
    let refused = "mfa_gateway_connections_refused_total{reason=\"proxy_protocol\"}";
    until("three to be counted", async || (gateway.metric(refused).await - 3.0).abs() < 0.5).await;
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn whoever_is_no_trusted_proxy_is_not_even_read() {
    let gateway = Gateway::with(&config("192.0.2.1")).await;
    let head = b"PROXY TCP4 203.0.113.7 10.0.0.1 4000 443\r\n";
    let answer = raw::exchange(gateway.address(), &[head, REQUEST.as_bytes()].concat()).await;
    assert_eq!(answer, "");
    let refused = "mfa_gateway_connections_refused_total{reason=\"untrusted_proxy\"}";
    until("it to be counted", async || gateway.metric(refused).await > 0.5).await;
    assert_eq!(gateway.world.upstream.count(), 0);
    // Trust comes with a reload.
    gateway.reload(&config("127.0.0.1"));
    assert_eq!(exchange(gateway.address(), head).await, 200);
}

#[tokio::test]
async fn http2_comes_behind_a_head_too() {
    use http_body_util::Empty;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::io::AsyncWriteExt;

    let gateway = Gateway::with(&config("127.0.0.1")).await;
    let mut stream = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(b"PROXY TCP4 203.0.113.7 10.0.0.1 4000 443\r\n").await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://gateway.test/x").body(Empty::<bytes::Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    assert_eq!(gateway.world.upstream.only().header("x-forwarded-for"), Some("203.0.113.7"));
}

#[tokio::test]
async fn a_listener_without_it_takes_no_head() {
    let plain = config("127.0.0.0/8").replace(", proxy_protocol: required", "");
    let gateway = Gateway::with(&plain).await;
    let head = b"PROXY TCP4 203.0.113.7 10.0.0.1 4000 443\r\n";
    assert_eq!(exchange(gateway.address(), head).await, 400);
    assert_eq!(gateway.world.upstream.count(), 0);
}
