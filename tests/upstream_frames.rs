//! Responses over HTTP/2 that no server library would send: a client sees every break, and none where there is none.

use std::time::Duration;

use crate::support::frame_upstream::FrameUpstream;
use crate::support::h2::{DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, block, frame};
use crate::support::{CONFIG, Gateway, Step, World, frames, raw, within};

const NO_ERROR: [u8; 4] = [0; 4];

/// How a response is sent: in one segment, or with time between head and body.
const AT_ONCE: bool = false;
const APART: bool = true;

async fn gateway(upstream: &FrameUpstream) -> Gateway {
    let config = CONFIG.replace("name: api,", "name: api, protocol: http2,");
    World::new().await.gateway(&config.replace("${UPSTREAM}", &upstream.url())).await
}

/// The head of a response, with the status 200 and these fields.
fn head(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    frame(HEADERS, flags | END_HEADERS, stream, &[vec![0x88], block(&fields)].concat())
}

fn data(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, bytes)
}

fn reset(stream: u32, code: [u8; 4]) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code)
}

fn go_away(last: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), NO_ERROR].concat())
}

type Response = fn(u32) -> Vec<Vec<u8>>;

async fn upstream(response: Response, apart: bool, close: bool) -> FrameUpstream {
    FrameUpstream::start(move |stream| {
        let parts = response(stream);
        let mut steps = Vec::new();
        if apart {
            for part in parts {
                steps.extend([Step::Send(part), Step::Wait(Duration::from_millis(50))]);
            }
        } else {
            steps.push(Step::Send(parts.concat()));
        }
        steps.extend(close.then_some(Step::Close));
        steps
    })
    .await
}

/// What an HTTP/1.1 client gets.
async fn over_http1(gateway: &Gateway, method: &str) -> String {
    let bearer = format!("Bearer {}", gateway.jane());
    raw::request(gateway.address(), method, "/v1/x", &[("authorization", &bearer)]).await
}

/// What an HTTP/2 client gets of its first stream: the kinds of its frames, its data, and whether `END_STREAM` came.
async fn over_http2(gateway: &Gateway) -> (Vec<u8>, Vec<u8>, bool) {
    let bearer = format!("Bearer {}", gateway.jane());
    let mut client = frames::Frames::connect(gateway.address(), &[]).await;
    let request = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/v1/x")];
    client.headers(1, END_STREAM, &[&request[..], &[("authorization", &bearer)]].concat()).await;
    let (mut kinds, mut body) = (Vec::new(), Vec::new());
    while let Some(frame) = within("a frame", client.next()).await {
        if frame.stream == 1 {
            kinds.push(frame.kind);
            if frame.kind == DATA {
                body.extend(frame.payload);
            }
            if frame.flags & END_STREAM != 0 && frame.kind != RST_STREAM {
                return (kinds, body, true);
            }
            if frame.kind == RST_STREAM {
                break;
            }
        }
    }
    (kinds, body, false)
}

/// Responses that end before their body does.
const CUT: &[(&str, Response, bool)] = &[
    ("reset after data", |id| vec![head(id, 0, &[]), data(id, 0, b"half"), reset(id, NO_ERROR)], false),
    ("reset after the head", |id| vec![head(id, 0, &[]), reset(id, NO_ERROR)], false),
    ("cancelled", |id| vec![head(id, 0, &[]), data(id, 0, b"half"), reset(id, [0, 0, 0, 8])], false),
    (
        "with a length",
        |id| vec![head(id, 0, &[("content-length", "9")]), data(id, 0, b"half"), reset(id, NO_ERROR)],
        false,
    ),
    ("going away", |id| vec![head(id, 0, &[]), data(id, 0, b"half"), go_away(id - 1)], true),
    ("going away and open", |id| vec![head(id, 0, &[]), data(id, 0, b"half"), go_away(id - 1)], false),
    ("closed", |id| vec![head(id, 0, &[]), data(id, 0, b"half")], true),
    ("closed after it went away", |id| vec![head(id, 0, &[]), data(id, 0, b"half"), go_away(id)], true),
];

#[tokio::test]
async fn a_response_that_is_cut_looks_cut_over_http1() {
    for (what, response, close) in CUT {
        for apart in [AT_ONCE, APART] {
            let upstream = upstream(*response, apart, *close).await;
            let gateway = gateway(&upstream).await;
            let answer = over_http1(&gateway, "GET").await;
            let status = raw::status(&answer);
            assert!(status == 502 || status == 200 && !answer.ends_with("0\r\n\r\n"), "{what}, {apart}: {answer}");
            // The end of a connection is a segment of its own.
            assert!(status == if apart { 200 } else { 502 } || *close, "{what}, {apart}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_response_that_is_cut_looks_cut_over_http2() {
    for (what, response, close) in CUT {
        let upstream = upstream(*response, APART, *close).await;
        let gateway = gateway(&upstream).await;
        let (kinds, _, ended) = over_http2(&gateway).await;
        assert!(!ended && kinds.last() == Some(&RST_STREAM), "{what}: {kinds:?}");
    }
}

/// Responses that are whole, whatever comes behind them.
const WHOLE: &[(&str, Response, bool)] = &[
    ("reset behind", |id| vec![head(id, 0, &[]), data(id, END_STREAM, b"whole"), reset(id, NO_ERROR)], false),
    (
        "reset behind trailers",
        |id| {
            let trailers = frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&[(b"x-trailer", b"1")]));
            vec![head(id, 0, &[]), data(id, 0, b"whole"), trailers, reset(id, NO_ERROR)]
        },
        false,
    ),
    ("going away behind", |id| vec![head(id, 0, &[]), data(id, END_STREAM, b"whole"), go_away(id)], true),
    ("closed behind", |id| vec![head(id, 0, &[("content-length", "5")]), data(id, END_STREAM, b"whole")], true),
    (
        "an empty last frame",
        |id| vec![head(id, 0, &[("content-length", "5")]), data(id, 0, b"whole"), data(id, END_STREAM, b"")],
        false,
    ),
    ("going away before", |id| vec![go_away(id), head(id, 0, &[]), data(id, END_STREAM, b"whole")], false),
];

#[tokio::test]
async fn a_whole_response_is_whole_whatever_comes_behind_it() {
    for (what, response, close) in WHOLE {
        for apart in [AT_ONCE, APART] {
            let upstream = upstream(*response, apart, *close).await;
            let gateway = gateway(&upstream).await;
            let answer = over_http1(&gateway, "GET").await;
            let whole = answer.contains("5\r\nwhole\r\n0\r\n") && answer.ends_with("\r\n\r\n")
                || answer.ends_with("\r\n\r\nwhole") && answer.contains("content-length: 5\r\n");
            assert!(raw::status(&answer) == 200 && whole, "{what}, {apart}: {answer}");
            let (kinds, body, ended) = over_http2(&gateway).await;
            assert!(ended && body == b"whole", "{what}, {apart}: {kinds:?}");
        }
    }
}

/// Responses whose body contradicts their head.
const UNSOUND: &[(&str, Response)] = &[
    ("a length and no body", |id| vec![head(id, END_STREAM, &[("content-length", "5")])]),
    ("too short", |id| vec![head(id, 0, &[("content-length", "5")]), data(id, END_STREAM, b"abc")]),
    ("too short in two", |id| {
        vec![head(id, 0, &[("content-length", "5")]), data(id, 0, b"ab"), data(id, END_STREAM, b"c")]
    }),
    ("too long", |id| vec![head(id, 0, &[("content-length", "5")]), data(id, END_STREAM, b"abcdefgh")]),
    ("too long in two", |id| {
        vec![head(id, 0, &[("content-length", "5")]), data(id, 0, b"abcde"), data(id, END_STREAM, b"fgh")]
    }),
    ("none by its length", |id| vec![head(id, 0, &[("content-length", "0")]), data(id, END_STREAM, b"abc")]),
    ("two lengths", |id| {
        vec![head(id, 0, &[("content-length", "3"), ("content-length", "4")]), data(id, END_STREAM, b"abc")]
    }),
    ("trailers behind too little", |id| {
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&[(b"x-trailer", b"1")]));
        vec![head(id, 0, &[("content-length", "5")]), data(id, 0, b"abc"), trailers]
    }),
    ("padded trailers", |id| {
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, id, &block(&[(b"x-trailer", b" 1")]));
        vec![head(id, 0, &[]), data(id, 0, b"abc"), trailers]
    }),
];

#[tokio::test]
async fn an_unsound_body_that_comes_with_its_head_is_502() {
    for (what, response) in UNSOUND {
        let upstream = upstream(*response, AT_ONCE, false).await;
        let gateway = gateway(&upstream).await;
        let answer = over_http1(&gateway, "GET").await;
        assert_eq!(raw::status(&answer), 502, "{what}: {answer}");
        assert!(answer.contains("upstream_failed"), "{what}: {answer}");
    }
}

#[tokio::test]
async fn an_unsound_body_that_comes_later_is_broken_off() {
    for (what, response) in &UNSOUND[1..] {
        let upstream = upstream(*response, APART, false).await;
        let gateway = gateway(&upstream).await;
        let answer = over_http1(&gateway, "GET").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        // What is too long ends where the head says, and the client gets no more.
        let broken = if head.contains("content-length: 5") { body.len() <= 5 } else { !body.ends_with("0\r\n\r\n") };
        assert!(raw::status(&answer) == 502 || raw::status(&answer) == 200 && broken, "{what}: {answer}");
    }
}

#[tokio::test]
async fn a_length_without_a_body_is_right_for_a_head() {
    let upstream = upstream(|id| vec![head(id, END_STREAM, &[("content-length", "5")])], AT_ONCE, false).await;
    let gateway = gateway(&upstream).await;
    let answer = over_http1(&gateway, "HEAD").await;
    assert!(raw::status(&answer) == 200 && answer.contains("content-length: 5\r\n"), "{answer}");
}
