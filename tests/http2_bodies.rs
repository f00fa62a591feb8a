//! Requests over HTTP/2 whose body is not what it seems: an upstream never takes one for a whole request.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::frame_upstream::{FrameUpstream, Seen};
use crate::support::frames::{DATA, END_HEADERS, END_STREAM, Frames, HEADERS, Outcome, RST_STREAM, block};
use crate::support::h2::{self, frame};
use crate::support::{CONFIG, Gateway, Step, World, raw, until, within};

/// An upstream over HTTP/1.1 that answers nothing, and returns what came until its connection ended.
async fn silent() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let reading = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    });
    (url, reading)
}

async fn before(url: &str, protocol: &str) -> Gateway {
    let config = CONFIG.replace("name: api,", &format!("name: api, protocol: {protocol},"));
    World::new().await.gateway(&config.replace("${UPSTREAM}", url)).await
}

/// Begins a request.
async fn begin(gateway: &Gateway, method: &str, fields: &[(&str, &str)]) -> Frames {
    let mut client = Frames::connect(gateway.address(), &[]).await;
    let bearer = format!("Bearer {}", gateway.jane());
    let head = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/v1/x")];
    client.headers(1, 0, &[&head[..], &[("authorization", &bearer)], fields].concat()).await;
    client
}

const CODES: [u32; 3] = [0, 2, 8];

#[tokio::test]
async fn an_upload_that_is_reset_is_never_whole_at_an_http1_upstream() {
    for code in CODES {
        for apart in [true, false] {
            let (url, reading) = silent().await;
            let gateway = before(&url, "http1").await;
            let mut client = begin(&gateway, "POST", &[]).await;
            client.send(DATA, 0, 1, b"half").await;
            if apart {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            client.send(RST_STREAM, 0, 1, &code.to_be_bytes()).await;
            if !apart {
                // Perhaps nothing came at all.
                tokio::time::sleep(Duration::from_millis(200)).await;
                drop(gateway);
                reading.abort();
                if let Ok(bytes) = reading.await {
                    assert!(!bytes.ends_with(b"0\r\n\r\n"), "{code}: {}", String::from_utf8_lossy(&bytes));
                }
                continue;
            }
            let bytes = within("the upstream's connection to end", reading).await.unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("\r\nhalf") && !text.ends_with("0\r\n\r\n"), "{code}: {text}");
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_reset_is_never_whole_at_an_http2_upstream() {
    for code in CODES {
        let upstream = FrameUpstream::start(|_| Vec::new()).await;
        let gateway = before(&upstream.url(), "http2").await;
        let mut client = begin(&gateway, "POST", &[]).await;
        client.send(DATA, 0, 1, b"half").await;
        until("the data", async || upstream.seen().contains(&Seen::Data(b"half".to_vec()))).await;
        client.send(RST_STREAM, 0, 1, &code.to_be_bytes()).await;
        until("the reset", async || upstream.seen().iter().any(|seen| matches!(seen, Seen::Reset(_)))).await;
        assert!(!upstream.seen().contains(&Seen::EndStream), "{code}: {:?}", upstream.seen());
    }
}

#[tokio::test]
async fn an_upload_whose_connection_closes_is_never_whole() {
    let (url, reading) = silent().await;
    let gateway = before(&url, "http1").await;
    let mut client = begin(&gateway, "POST", &[]).await;
    client.send(DATA, 0, 1, b"half").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(client);
    let text = String::from_utf8(within("the end", reading).await.unwrap()).unwrap();
    assert!(text.contains("\r\nhalf") && !text.ends_with("0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn nothing_of_a_request_with_data_behind_a_length_of_0_reaches_the_upstream() {
    for method in ["POST", "PUT", "GET", "DELETE"] {
        for (kind, payload) in [(DATA, b"abc".to_vec()), (DATA, vec![b'x'; 5000])] {
            let gateway = Gateway::start().await;
            let mut client = begin(&gateway, method, &[("content-length", "0")]).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(gateway.world.upstream.count(), 0, "{method}: the request hasn't ended");
            client.send(kind, END_STREAM, 1, &payload).await;
            let outcome = client.outcome(1).await;
            assert!(outcome.is_refusal(), "{method}: {outcome:?}");
            assert_eq!(gateway.world.upstream.count(), 0, "{method}");
        }
    }
}

#[tokio::test]
async fn a_length_of_0_may_be_followed_by_an_empty_end() {
    for (kind, flags, payload) in
        [(DATA, END_STREAM, Vec::new()), (HEADERS, END_STREAM | END_HEADERS, block(&[("x-trailer", "1")]))]
    {
        let gateway = Gateway::start().await;
        let mut client = begin(&gateway, "POST", &[("content-length", "0")]).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.send(kind, flags, 1, &payload).await;
        assert_eq!(client.outcome(1).await, Outcome::Status(200));
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!((seen.header("content-length"), seen.header("transfer-encoding")), (Some("0"), None));
    }
}

/// Trailer sections that begin with a pseudo-field, as literal, by the static table and by the dynamic one.
fn pseudo_trailers() -> Vec<Vec<u8>> {
    vec![
        block(&[(":path", "/other")]),
        block(&[(":path", "/other"), ("x-trailer", "1")]),
        block(&[("x-trailer", "1"), (":path", "/other")]),
        block(&[(":status", "200")]),
        block(&[(":odd", "1")]),
        vec![0x82],
        vec![0x88],
        vec![0xbe],
        [&[0x20, 0x3f, 0xe1, 0x1f, 0x84][..], &block(&[("x-trailer", "1")])].concat(),
    ]
}

#[tokio::test]
async fn pseudo_fields_in_a_requests_trailers_are_refused() {
    for trailers in pseudo_trailers() {
        let (url, reading) = silent().await;
        let gateway = before(&url, "http1").await;
        let mut client = begin(&gateway, "POST", &[]).await;
        // `:authority: dynamic` is the newest entry of the dynamic table from here on.
        let bearer = format!("Bearer {}", gateway.jane());
        let other = [(":method", "GET"), (":scheme", "http"), (":path", "/healthz"), ("authorization", &*bearer)];
        client.send(HEADERS, END_STREAM | END_HEADERS, 3, &[&b"\x41\x07dynamic"[..], &block(&other)].concat()).await;
        client.send(DATA, 0, 1, b"data").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.send(HEADERS, END_STREAM | END_HEADERS, 1, &trailers).await;
        let outcome = client.outcome(1).await;
        assert!(outcome.is_refusal(), "{trailers:x?}: {outcome:?}");
        drop(client);
        drop(gateway);
        let text = String::from_utf8(within("the end", reading).await.unwrap()).unwrap();
        assert!(!text.ends_with("0\r\n\r\n"), "{trailers:x?}: {text}");
    }
}

#[tokio::test]
async fn other_trailers_of_a_request_pass_unchanged() {
    for flags in [END_STREAM | END_HEADERS, END_STREAM] {
        let gateway = Gateway::start().await;
        let mut client = begin(&gateway, "POST", &[("te", "trailers")]).await;
        client.send(DATA, 0, 1, b"data").await;
        let fields = block(&[("x-trailer", "1"), ("x-other", "2")]);
        let (one, two) = fields.split_at(fields.len() / 2);
        if flags & END_HEADERS == 0 {
            client.send(HEADERS, flags, 1, one).await;
            client.send(h2::CONTINUATION, END_HEADERS, 1, two).await;
        } else {
            client.send(HEADERS, flags, 1, &fields).await;
        }
        assert_eq!(client.outcome(1).await, Outcome::Status(200));
        assert_eq!(gateway.world.upstream.count(), 1);
    }
}

#[tokio::test]
async fn pseudo_fields_in_a_responses_trailers_break_it_off() {
    for trailers in pseudo_trailers() {
        for apart in [true, false] {
            let section = trailers.clone();
            let upstream = FrameUpstream::start(move |id| {
                let head = frame(HEADERS, END_HEADERS, id, &[0x88]);
                let body = [frame(DATA, 0, id, b"data"), frame(HEADERS, END_HEADERS | END_STREAM, id, &section)];
                let pause = if apart { 50 } else { 0 };
                vec![Step::Send(head), Step::Wait(Duration::from_millis(pause)), Step::Send(body.concat())]
            })
            .await;
            let gateway = before(&upstream.url(), "http2").await;
            let fields = [("authorization", format!("Bearer {}", gateway.jane()))];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            let answer = raw::request(gateway.address(), "GET", "/v1/x", &fields).await;
            assert!(!answer.ends_with("0\r\n\r\n") || answer.contains(" 502 "), "{trailers:x?}: {answer}");
        }
    }
}
