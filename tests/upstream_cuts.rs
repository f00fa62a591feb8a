//! Responses over HTTP/1.1 that end before their body does: a client gets their head and what came, and sees the break.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::frames::{DATA, END_STREAM, Frames, HEADERS, RST_STREAM};
use crate::support::{CONFIG, Gateway, World, raw, within};

/// An upstream that sends these parts, and then closes or resets the connection.
async fn upstream(parts: &'static [&'static str], resets: bool) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            for part in parts {
                stream.write_all(part.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(if parts.len() > 1 { 50 } else { 0 })).await;
            }
            if resets {
                tokio::time::sleep(Duration::from_millis(50)).await;
                stream.set_zero_linger().unwrap();
            }
        }
    });
    (url, serving)
}

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";

/// Parts of a response, whether the connection is reset in the end, and whether the response is whole.
const RESPONSES: &[(&[&str], bool, bool)] = &[
    (&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], false, false),
    (&[LENGTH, "half"], false, false),
    (&[LENGTH, "half"], true, false),
    (&[LENGTH], false, false),
    (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"], false, false),
    (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"], false, false),
    (&[CHUNKED, "4\r\nhalf\r\n"], false, false),
    (&[CHUNKED, "4\r\nhalf\r\n"], true, false),
    (&[CHUNKED, "4\r\nhalf\r\n0\r\n"], false, false),
    (&[CHUNKED, "4\r\nhalf\r\n", "x\r\n"], false, false),
    (&[UNTIL_CLOSE, "half"], true, false),
    (&[UNTIL_CLOSE, "half"], false, true),
    (&[CHUNKED, "4\r\nhalf\r\n0\r\n\r\n"], false, true),
];

async fn before(parts: &'static [&'static str], resets: bool) -> (Gateway, JoinHandle<()>) {
    let (url, serving) = upstream(parts, resets).await;
    (World::new().await.gateway(&CONFIG.replace("${UPSTREAM}", &url)).await, serving)
}

#[tokio::test]
async fn over_http1_the_connection_closes_before_the_end() {
    for (parts, resets, whole) in RESPONSES {
        let (gateway, serving) = before(parts, *resets).await;
        let bearer = format!("Bearer {}", gateway.jane());
        let answer = raw::request(gateway.address(), "GET", "/v1/x", &[("authorization", &bearer)]).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{parts:?}: {answer}");
        let ended = if head.contains("content-length: 9") { body.len() == 9 } else { body.ends_with("0\r\n\r\n") };
        assert_eq!(ended, *whole, "{parts:?}, {resets}: {answer}");
        let has_data = parts.iter().any(|part| part.contains("half"));
        assert_eq!(body.contains("half"), has_data, "{parts:?}, {resets}: {answer}");
        serving.abort();
    }
}

#[tokio::test]
async fn over_http2_the_stream_is_reset() {
    for (parts, resets, whole) in RESPONSES {
        let (gateway, serving) = before(parts, *resets).await;
        let mut client = Frames::connect(gateway.address(), &[]).await;
        let bearer = format!("Bearer {}", gateway.jane());
        let head = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/v1/x")];
        client.headers(1, END_STREAM, &[&head[..], &[("authorization", &bearer)]].concat()).await;
        let ended = loop {
            let frame = within("a frame", client.next()).await.unwrap();
            match frame.kind {
                RST_STREAM => break false,
                DATA | HEADERS if frame.flags & END_STREAM != 0 => break true,
                _ => {}
            }
        };
        assert_eq!(ended, *whole, "{parts:?}, {resets}");
        serving.abort();
    }
}
