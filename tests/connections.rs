//! How a client's connection may end, and what that does to the request under way.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{CONFIG, Call, Gateway, Http1, World, raw, within};

/// A gateway whose upstream is this listener.
async fn gateway_before(upstream: &TcpListener) -> Gateway {
    let config = CONFIG.replace("${UPSTREAM}", &format!("http://{}", upstream.local_addr().unwrap()));
    World::new().await.gateway(&config).await
}

async fn accept(upstream: &TcpListener) -> TcpStream {
    let mut stream = within("the request at the upstream", upstream.accept()).await.unwrap().0;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the request's head", stream.read_u8()).await.unwrap());
    }
    stream
}

fn get(gateway: &Gateway) -> String {
    format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", gateway.jane())
}

#[tokio::test]
async fn a_client_that_closes_its_half_gets_all_its_answers() {
    let gateway = Gateway::start().await;
    let answers = raw::exchange_half_closed(gateway.address(), get(&gateway).repeat(3).as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    let refusal = raw::exchange_half_closed(gateway.address(), b"GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(raw::status(&refusal), 401);
}

#[tokio::test]
async fn a_client_that_closes_its_half_may_wait_for_a_slow_answer() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway_before(&upstream).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    client.write_all(get(&gateway).as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut behind = accept(&upstream).await;
    // The gateway asks whether the client is still there: a while has passed.
    let mut interim = [0; 25];
    within("a sign of life", client.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    behind.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").await.unwrap();
    let mut answer = String::new();
    within("the answer", client.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.contains("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nlate"), "{answer}");
}

#[tokio::test]
async fn a_client_that_is_gone_ends_the_request_at_the_upstream() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway_before(&upstream).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    client.write_all(get(&gateway).as_bytes()).await.unwrap();
    let mut behind = accept(&upstream).await;
    drop(client);
    let left = within("the upstream's connection to end", behind.read(&mut [0; 16])).await;
    assert!(matches!(left, Ok(0) | Err(_)), "{left:?}");
}

#[tokio::test]
async fn a_connection_is_idle_for_so_long_only_and_a_later_head_counts_as_idle() {
    let gateway = Gateway::with(&format!("{CONFIG}timeouts: {{ idle: 1s }}\n")).await;
    let healthy = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for begun in ["", "GET /healthz HT"] {
        let start = tokio::time::Instant::now();
        let answers = raw::exchange(gateway.address(), format!("{healthy}{begun}").as_bytes()).await;
        let took = start.elapsed().as_millis();
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1, "{answers}");
        assert!((900..5000).contains(&took), "{begun:?}: closed after {took} ms");
    }
}

#[tokio::test]
async fn no_other_deadline_ends_an_idle_connection() {
    let gateway = Gateway::with(&format!("{CONFIG}timeouts: {{ idle: 1h }}\n")).await;
    let mut client = Http1::connect(gateway.address()).await;
    for _ in 0..3 {
        assert_eq!(client.send(&Call::get("/healthz")).await.code(), 200);
        tokio::time::pause();
        for _ in 0..35 {
            tokio::time::advance(std::time::Duration::from_secs(60)).await;
        }
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_connection_that_is_used_is_not_idle_however_long_its_answers_take() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = CONFIG.replace("${UPSTREAM}", &format!("http://{}", upstream.local_addr().unwrap()));
    let gateway = World::new().await.gateway(&format!("{config}timeouts: {{ idle: 200ms }}\n")).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    for _ in 0..2 {
        client.write_all(get(&gateway).as_bytes()).await.unwrap();
        let mut backend = accept(&upstream).await;
        // Twice the idle time: what is waited for is that nothing happens.
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        backend.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(within("the answer", client.read_u8()).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_websocket_on_which_the_client_says_nothing_is_left_alone() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = CONFIG.replace("${UPSTREAM}", &format!("http://{}", upstream.local_addr().unwrap()));
    let gateway = World::new().await.gateway(&format!("{config}timeouts: {{ idle: 200ms }}\n")).await;
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let asked = format!("{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    let head = get(&gateway);
    client.write_all([head.trim_end(), "\r\n", &asked].concat().as_bytes()).await.unwrap();
    let mut backend = accept(&upstream).await;
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    backend.write_all(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{accept}").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within("the switch", client.read_u8()).await.unwrap());
    }
    // Three times the idle time: what is waited for is that nothing happens.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    backend.write_all(b"pushed").await.unwrap();
    let mut pushed = [0; 6];
    within("what the backend pushes", client.read_exact(&mut pushed)).await.unwrap();
    assert_eq!(&pushed, b"pushed");
}
