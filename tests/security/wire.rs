//! Messages that two servers could read differently, against a backend that keeps every byte (13 to 16).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::probe::Wrong;
use crate::support::gateway::CONFIG;
use crate::support::{Gateway, Wire, World, raw};

/// A gateway in front of a backend that keeps every byte.
pub(super) async fn gateway() -> (Gateway, Wire) {
    let wire = Wire::start().await;
    let config = CONFIG.replace("${UPSTREAM}", &wire.url());
    (World::new().await.gateway(&config).await, wire)
}

/// Requests that are invalid or ambiguous. `{auth}` stands for the credential, and a request behind each for what an
/// attacker would smuggle.
const AMBIGUOUS: [&str; 60] = [
    // Both framings, in either order and in disguise.
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.0\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer\0-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // Lengths that are not one number.
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1, 1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: +1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: -1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 0x1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1 1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: \r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1;\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 1.0\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: 18446744073709551617\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length : 1\r\n\r\na",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Content-Length: \u{661}\r\n\r\na",
    // Chunks that are none.
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1;a\n\r\na\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n",
    // Heads that end, or begin, elsewhere for others.
    "GET /v1/x HTTP/1.1\nHost: a\n{auth}\n\n",
    "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\n\r\n",
    "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X: a\0b\r\n\r\n",
    "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}: y\r\n\r\n",
    "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X\r\n\r\n",
    "GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}X(: y\r\n\r\n",
    "GET /v1/x HTTP/1.1\r\n X: y\r\nHost: a\r\n{auth}\r\n",
    "GET  /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "GET /v1/x  HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "GET\t/v1/x\tHTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "GET /v1/ x HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "GET /v1/x HTTP/1.1 \r\nHost: a\r\n{auth}\r\n",
    "GET /v1/x\r\nHost: a\r\n{auth}\r\n",
    " GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "G\u{45}T\0 /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
    "\0GET /v1/x HTTP/1.1\r\nHost: a\r\n{auth}\r\n",
];

/// What must never arrive.
const SMUGGLED: &str = "GET /v1/smuggled HTTP/1.1\r\nHost: a\r\nX-Smuggled: 1\r\n\r\n";

#[tokio::test]
async fn s13_ambiguous_framing_is_refused_and_no_byte_of_it_or_behind_it_arrives() {
    let (gateway, wire) = gateway().await;
    let jane = format!("Authorization: Bearer {}\r\n", gateway.jane());
    let (mut wrong, mut arrived) = (Wrong::default(), Vec::new());
    for (at, request) in AMBIGUOUS.into_iter().enumerate() {
        for (who, auth) in [("nobody", ""), ("Jane", jane.as_str())] {
            let path = format!("/v1/{at}-{who}-");
            let bytes = format!("{}{SMUGGLED}", request.replace("{auth}", auth).replace("/v1/x", &path));
            let answer = raw::exchange(gateway.address(), bytes.as_bytes());
            let Ok(answer) = tokio::time::timeout(Duration::from_secs(5), answer).await else {
                wrong.unless(false, format!("{who}: {request:?} left the connection open"));
                continue;
            };
            let answers = answer.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count();
            // Whose body turns out to be broken was permitted already: its head may have arrived, and nothing behind.
            let begun = who == "Jane" && request.contains("{auth}Transfer-Encoding: chunked\r\n\r\n");
            let status = raw::status(&answer);
            let right =
                if begun { matches!(status, 0 | 400 | 408) } else { status == 400 || who == "nobody" && status == 401 };
            wrong.unless(right && answers <= 1, format!("{who}: {request:?} was answered {answer:?}"));
            arrived.extend(wire.take());
            let text = String::from_utf8_lossy(&arrived);
            let times = text.matches(&path).count();
            wrong.unless(times <= usize::from(begun), format!("{who}: {request:?} arrived {times} times"));
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    arrived.extend(wire.take());
    wrong.unless(!String::from_utf8_lossy(&arrived).contains("muggled"), "a smuggled request arrived");
}

#[tokio::test]
async fn s13_no_byte_of_a_refused_request_arrives() {
    let (gateway, wire) = gateway().await;
    let john = format!("Authorization: Bearer {}\r\n", gateway.john());
    for auth in ["", &john, "Authorization: Bearer a.b.c\r\n", "Authorization: Basic YTpi\r\n"] {
        for body in [
            "\r\n".to_owned(),
            format!("Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len()),
            "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n".to_owned(),
            format!("Content-Length: 1000000\r\n\r\n{SMUGGLED}"),
        ] {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "PROPFIND", "get"] {
                let request = format!("{method} /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{auth}{body}");
                let answer = raw::exchange(gateway.address(), request.as_bytes()).await;
                assert_eq!(raw::status(&answer), 401, "{request:?}: {answer}");
                assert_eq!(String::from_utf8_lossy(&wire.take()), "", "{request:?}");
            }
        }
    }
}

#[tokio::test]
async fn s14_every_message_is_framed_anew_with_one_field() {
    let (gateway, wire) = gateway().await;
    let jane = format!("Host: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n", gateway.jane());
    let cases = [
        ("GET", "\r\n", "", ""),
        ("POST", "\r\n", "content-length: 0", ""),
        ("POST", "Content-Length: 0\r\n\r\n", "content-length: 0", ""),
        ("POST", "content-LENGTH:  003\r\n\r\nabc", "content-length: 3", "abc"),
        ("POST", "Content-Length: 3\r\nContent_Length: 9\r\n\r\nabc", "content-length: 3", "abc"),
        ("POST", "Content-Length: 3\r\nTransfer_Encoding: chunked\r\n\r\nabc", "content-length: 3", "abc"),
        ("GET", "Content-Length: 3\r\n\r\nabc", "content-length: 3", "abc"),
        ("POST", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "transfer-encoding: chunked", "abc"),
        (
            "POST",
            "TRANSFER-encoding:\tChunked \r\n\r\n003;a=\"b\"\r\nabc\r\n00\r\n\r\n",
            "transfer-encoding: chunked",
            "abc",
        ),
        (
            "PUT",
            "Transfer-Encoding: chunked\r\nTransfer.Encoding: x\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            "transfer-encoding: chunked",
            "abc",
        ),
    ];
    for (method, rest, field, body) in cases {
        let answer =
            raw::exchange(gateway.address(), format!("{method} /v1/x HTTP/1.1\r\n{jane}{rest}").as_bytes()).await;
        assert_eq!(raw::status(&answer), 200, "{rest:?}: {answer}");
        let arrived = String::from_utf8(wire.take()).unwrap();
        let (head, sent) = arrived.split_once("\r\n\r\n").unwrap();
        let framing: Vec<_> = head
            .split("\r\n")
            .filter(|line| {
                let name = line.split(':').next().unwrap().to_ascii_lowercase().replace(['_', '.'], "-");
                name == "content-length" || name == "transfer-encoding"
            })
            .collect();
        let expected: Vec<_> = [field].into_iter().filter(|field| !field.is_empty()).collect();
        assert_eq!(framing, expected, "{rest:?}: {head}");
        let plain = sent
            .split("\r\n")
            .enumerate()
            .filter(|(at, _)| field.starts_with("content") || at % 2 == 1)
            .map(|(_, part)| part);
        assert_eq!(plain.collect::<String>(), body, "{rest:?}: {sent:?}");
        assert!(!sent.contains(';'), "a chunk extension came through: {sent:?}");
    }
}

#[tokio::test]
async fn s15_a_refused_body_never_becomes_a_request_and_bystanders_are_unharmed() {
    let (gateway, wire) = gateway().await;
    let (jane, john) = (gateway.jane(), gateway.john());
    for auth in [String::new(), format!("Authorization: Bearer {john}\r\n")] {
        for framing in [
            "Content-Length: 61".to_owned(),
            "Content-Length: 100000".to_owned(),
            "Transfer-Encoding: chunked".to_owned(),
        ] {
            let smuggled = format!("GET /v1/smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jane}\r\n\r\n");
            let request = format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{auth}{framing}\r\n\r\n{smuggled}{smuggled}");
            let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            // A bystander on another connection, at the same time.
            let bystander = gateway.get("/v1/bystander", &jane).await;
            assert_eq!((bystander.code(), &bystander.body[..]), (200, &b"ok"[..]));
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
            let answer = String::from_utf8_lossy(&answer);
            assert_eq!((raw::status(&answer), answer.matches("HTTP/1.1 ").count()), (401, 1), "{framing}: {answer}");
            let arrived = String::from_utf8(wire.take()).unwrap();
            assert!(!arrived.contains("smuggled") && arrived.matches("HTTP/1.1").count() == 1, "{framing}: {arrived}");
        }
    }
}

#[tokio::test]
async fn s15_bytes_behind_an_answer_are_nobody_s() {
    let (gateway, wire) = gateway().await;
    let jane = gateway.jane();
    let stuffed = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Stolen: 1\r\n\r\nstolen";
    for round in 0..20 {
        wire.answer(stuffed, false);
        let first = gateway.get("/v1/first", &jane).await;
        assert_eq!((first.code(), &first.body[..]), (200, &b"ok"[..]), "round {round}");
        wire.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine", false);
        let second = gateway.get("/v1/second", &jane).await;
        assert!(second.code() == 200 && second.body == "mine" || second.code() == 502, "round {round}: {second:?}");
        assert_eq!(second.header("x-stolen"), None, "round {round}");
    }
}

#[tokio::test]
async fn s16_there_is_no_tunnel_but_one_that_was_asked_for_and_agreed() {
    let (gateway, wire) = gateway().await;
    let auth = format!("Host: a\r\nAuthorization: Bearer {}\r\n", gateway.jane());
    for (line, status) in [
        ("CONNECT a:443", 405),
        ("CONNECT /v1/x", 405),
        ("TRACE /v1/x", 405),
        ("CONNECT http://a/v1/x", 405),
        ("PRI *", 405),
    ] {
        let answer = raw::exchange(
            gateway.address(),
            format!("{line} HTTP/1.1\r\n{auth}Connection: close\r\n\r\n{SMUGGLED}").as_bytes(),
        )
        .await;
        assert!(raw::status(&answer) == status || raw::status(&answer) == 400, "{line}: {answer}");
        assert_eq!(String::from_utf8_lossy(&wire.take()), "", "{line}");
    }
    // The backend switches, though nobody asked for that, or for something else.
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nraw bytes";
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let of = |upgrade: &str| {
        format!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABk\r\n")
    };
    for upgrade in [
        String::new(),
        websocket.to_owned(),
        of("h2c"),
        of("h2"),
        of("TLS/1.0"),
        of("HTTP/2.0"),
        of("websocket, h2c"),
        of("foo"),
    ] {
        wire.answer(switching, false);
        let request = format!("GET /v1/x HTTP/1.1\r\n{auth}{upgrade}\r\n");
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(matches!(raw::status(&answer), 400 | 502), "{upgrade:?}: {answer}");
        let arrived = String::from_utf8(wire.take()).unwrap().to_ascii_lowercase();
        // A token is random, and may hold such a word.
        let arrived: Vec<&str> = arrived.lines().filter(|line| !line.starts_with("authorization: ")).collect();
        let arrived = arrived.join("\n");
        assert!(
            !arrived.contains("h2c") && !arrived.contains("http2-settings") && !arrived.contains("tls/"),
            "{upgrade:?}: {arrived}"
        );
        assert!(arrived.contains("upgrade: websocket") == (upgrade == websocket), "{upgrade:?}: {arrived}");
    }
    // Without the right, nothing of a handshake arrives.
    let request = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{websocket}\r\n");
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert_eq!(raw::status(&String::from_utf8_lossy(&answer[..read])), 401);
    assert_eq!(String::from_utf8_lossy(&wire.take()), "");
}
