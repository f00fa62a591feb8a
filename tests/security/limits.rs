//! Sizes, counts and deadlines (28, 29 and 31).

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::probe::Wrong;
use crate::support::gateway::CONFIG;
use crate::support::h2::{END_HEADERS, Frames, HEADERS, block};
use crate::support::{Call, Gateway, World, raw, until, within};

#[tokio::test]
async fn s28_sizes_and_counts_are_bounded_by_safe_defaults() {
    let gateway = Gateway::start().await;
    let jane = gateway.jane();
    let auth = format!("Host: a\r\nConnection: close\r\nAuthorization: Bearer {jane}\r\n");
    let field = |length: usize| format!("X: {}\r\n", "y".repeat(length));
    let cases = [
        ("a target of 8000", format!("GET /v1/{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(7990)), 200),
        ("a target of 9000", format!("GET /v1/{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(9000)), 414),
        ("a query of 9000", format!("GET /v1/x?{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(9000)), 414),
        ("a target of 100000", format!("GET /v1/{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(100_000)), 414),
        ("a field of 20000", format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", field(20_000)), 200),
        ("a field of 33000", format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", field(33_000)), 431),
        ("80 fields", format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", field(1).repeat(80)), 200),
        ("101 fields", format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", field(1).repeat(101)), 431),
        ("10000 fields", format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", field(0).repeat(10_000)), 431),
        ("a method of 40000", format!("{} /v1/x HTTP/1.1\r\n{auth}\r\n", "X".repeat(40_000)), 414),
    ];
    let mut wrong = Wrong::default();
    for (what, request, status) in cases {
        let answer = raw::exchange(gateway.address(), request.as_bytes()).await;
        wrong.unless(raw::status(&answer) == status, format!("{what}: {}", answer.lines().next().unwrap_or_default()));
    }
    // Extensions of chunks and trailers grow no further than a little, whoever sends them.
    for (what, body) in [
        ("a long chunk extension", format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(10_000))),
        ("endless size digits", format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(10_000))),
        ("a long trailer", format!("1\r\na\r\n0\r\nX: {}\r\n\r\n", "y".repeat(40_000))),
        ("many trailers", format!("1\r\na\r\n0\r\n{}\r\n", "X: y\r\n".repeat(10_000))),
    ] {
        let request = format!("POST /v1/x HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n{body}");
        let status = raw::status(&raw::exchange(gateway.address(), request.as_bytes()).await);
        wrong.unless(matches!(status, 0 | 400 | 408 | 413 | 431), format!("{what}: {status}"));
    }
    // Tokens: of 8 KiB at least.
    for (pad, status) in [(8 << 10, 200), (13 << 10, 401), (200 << 10, 431)] {
        let token = gateway.changed(|claims| claims["pad"] = json!("x".repeat(pad)));
        let fields = [("Authorization", &*format!("Bearer {token}"))];
        let answer = raw::request(gateway.address(), "GET", "/v1/x", &fields).await;
        wrong.unless(
            raw::status(&answer) == status,
            format!("a token with {pad} more: {}", answer.lines().next().unwrap_or_default()),
        );
    }

    wrong.unless(serves(&gateway).await, "afterwards it doesn't work");
}

/// Whether an ordinary request passes.
async fn serves(gateway: &Gateway) -> bool {
    gateway.get("/v1/x", &gateway.jane()).await.code() == 200
}

#[tokio::test]
async fn s28_limits_are_what_the_configuration_says() {
    let limits =
        "limits: { header_bytes: 8192, headers: 20, url_bytes: 300, token_bytes: 4096, connections: 4, streams: 7 }\n";
    let gateway = Gateway::with(&format!("{CONFIG}{limits}")).await;
    let auth = format!("Host: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n", gateway.jane());
    for (request, status) in [
        (format!("GET /v1/x HTTP/1.1\r\n{auth}\r\n"), 200),
        (format!("GET /v1/{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(300)), 414),
        (format!("GET /v1/x HTTP/1.1\r\n{auth}X: {}\r\n\r\n", "y".repeat(8192)), 431),
        (format!("GET /v1/x HTTP/1.1\r\n{auth}{}\r\n", "X: y\r\n".repeat(20)), 431),
    ] {
        assert_eq!(raw::status(&raw::exchange(gateway.address(), request.as_bytes()).await), status, "{request:.60}");
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(TcpStream::connect(gateway.address()).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut fifth = TcpStream::connect(gateway.address()).await.unwrap();
    fifth.write_all(format!("GET /v1/x HTTP/1.1\r\n{auth}\r\n").as_bytes()).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(300), fifth.read(&mut [0; 16])).await;
    assert!(!matches!(waits, Ok(Ok(1..))), "a fifth connection was served");
    drop(held);
    until("a place to be free", async || serves(&gateway).await).await;
    let mut frames = Frames::connect(gateway.address()).await;
    let settings = frames.next().await.unwrap().payload;
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 7]), "{settings:?}");
}

#[tokio::test]
async fn s29_slow_and_silent_clients_are_dropped_and_block_nobody() {
    let timeouts = "timeouts: { header: 300ms, idle: 300ms, body: 300ms }\n";
    let gateway = Gateway::with(&format!("{CONFIG}{timeouts}")).await;
    let jane = gateway.jane();
    let auth = format!("Host: a\r\nAuthorization: Bearer {jane}\r\n");
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    let starts = [
        ("nothing", String::new()),
        ("one byte", "G".to_owned()),
        ("half a head", format!("GET /v1/x HTTP/1.1\r\n{auth}X: y")),
        ("half a preface", preface[..10].to_owned()),
        ("a preface and nothing more", preface.to_owned()),
        ("a body that stands still", format!("POST /v1/x HTTP/1.1\r\n{auth}Content-Length: 10\r\n\r\nabc")),
        ("chunks that stand still", format!("POST /v1/x HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n5\r\nab")),
        ("an idle connection", format!("GET /v1/x HTTP/1.1\r\n{auth}\r\n")),
        (
            "a refused body that stands still",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".to_owned(),
        ),
    ];
    let silent = starts.into_iter().map(|(what, start)| {
        let address = gateway.address();
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(start.as_bytes()).await.unwrap();
            let ended = tokio::time::timeout(Duration::from_secs(8), stream.read_to_end(&mut Vec::new())).await;
            (what, ended.is_ok())
        })
    });
    // One byte at a time, for ever: a head has a deadline, however it drips.
    let address = gateway.address();
    let dripping = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(b"X").await.is_err() {
                return ("a dripping head", true);
            }
        }
        ("a dripping head", false)
    });
    // A head over HTTP/2 whose body never comes.
    let bearer = format!("Bearer {jane}");
    let head = block(&[
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", b"/v1/x"),
        (b"authorization", bearer.as_bytes()),
    ]);
    let mut frames = Frames::connect(address).await;
    frames.send(HEADERS, END_HEADERS, 1, &head).await;
    let silent: Vec<_> = silent.chain([dripping]).collect();
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(gateway.get("/v1/x", &jane).await.code(), 200);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    let mut wrong = Wrong::default();
    for client in silent {
        let (what, ended) = within("the clients", client).await.unwrap();
        wrong.unless(ended, format!("{what} is still connected"));
    }
    wrong.unless(frames.outcome(1).await.is_some(), "a stream whose body stands still goes on");
}

#[tokio::test]
async fn s31_a_refused_upload_is_answered_before_its_body() {
    let gateway = Gateway::start().await;
    for token in [None, Some(gateway.john())] {
        let auth = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        for framing in [
            "Content-Length: 10000000000",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue\r\nContent-Length: 1000000",
        ] {
            let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
            stream
                .write_all(format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}{framing}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let mut answer = vec![0; 4096];
            let read = within("the refusal", stream.read(&mut answer)).await.unwrap();
            assert!(answer[..read].starts_with(b"HTTP/1.1 401 "), "{framing}");
        }
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn s31_a_client_that_does_not_read_stops_the_backend_and_one_that_does_not_take_stops_the_client() {
    const BUFFERS: usize = 32 << 20;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = CONFIG.replace("${UPSTREAM}", &format!("http://{}", upstream.local_addr().unwrap()));
    let gateway = World::new().await.gateway(&config).await;
    let request = |method: &str, rest: &str| {
        format!("{method} /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{rest}\r\n", gateway.jane())
    };
    // As much as anybody takes, until nobody takes more for a while.
    let fill = async |stream: &mut TcpStream| {
        let (block, mut sent) = (vec![b'x'; 64 << 10], 0);
        while let Ok(Ok(written)) = tokio::time::timeout(Duration::from_millis(400), stream.write(&block)).await {
            sent += written;
            assert!(sent < BUFFERS, "{sent} bytes were taken, and nobody reads");
        }
        sent
    };
    let mut reader = TcpStream::connect(gateway.address()).await.unwrap();
    reader.write_all(request("GET", "").as_bytes()).await.unwrap();
    let (mut behind, _) = within("the request", upstream.accept()).await.unwrap();
    let _ = behind.read(&mut [0; 8192]).await.unwrap();
    behind.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await.unwrap();
    assert!(fill(&mut behind).await > 0);
    let mut writer = TcpStream::connect(gateway.address()).await.unwrap();
    writer.write_all(request("POST", "Content-Length: 1000000000000\r\n").as_bytes()).await.unwrap();
    let (_held, _) = within("the upload", upstream.accept()).await.unwrap();
    assert!(fill(&mut writer).await > 0);
    // Who reads again, goes on.
    let mut block = vec![0; 1 << 20];
    assert!(within("the answer to go on", reader.read(&mut block)).await.unwrap() > 0);
    assert_eq!(gateway.send(&Call::get("/v1/x")).await.code(), 401);
}
