//! HTTP/2 as no client library speaks it (18 and 30).

use std::time::{Duration, Instant};

use super::probe::Wrong;
use super::wire::gateway;
use crate::support::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    block,
};
use crate::support::{Gateway, Wire};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn fields(list: &[(&str, &str)]) -> Fields {
    list.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn encoded(list: &Fields) -> Vec<u8> {
    let list: Vec<(&[u8], &[u8])> = list.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    block(&list)
}

/// An ordinary request, with a token.
fn good(gateway: &Gateway, path: &str) -> Fields {
    let bearer = format!("Bearer {}", gateway.jane());
    fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path), ("authorization", &bearer)])
}

type Change = Box<dyn Fn(&mut Fields)>;

/// Changes of an ordinary request that make it none.
fn malformed() -> Vec<(String, Change)> {
    let added = malformed_fields().into_iter().map(|(name, value)| {
        let what = format!("{:?}: {:?}", String::from_utf8_lossy(&name), String::from_utf8_lossy(&value));
        let change: Change = Box::new(move |list| list.push((name.clone(), value.clone())));
        (what, change)
    });
    added.chain(malformed_pseudo_fields()).collect()
}

/// Fields that must not be added.
fn malformed_fields() -> Vec<(Vec<u8>, Vec<u8>)> {
    let values = [
        &b"a\r\nX: y"[..],
        b"a\nb",
        b"a\rb",
        b"a\0b",
        b" a",
        b"a ",
        b"\ta",
        b"a\t",
        b"\r\n",
        b"\0",
        b"a\x7fb",
        b"a\x01b",
    ];
    let names = [
        &b""[..],
        b"X-Upper",
        b"x y",
        b"x:",
        b":x",
        b"x\r\ny",
        b"x\0",
        b"x\n",
        b"(x)",
        b"x\x7f",
        b"\xc3\xa9",
        b"x\t",
        b" x",
        b"host\r\nx",
    ];
    let pairs = [
        ("connection", "close"),
        ("connection", "x"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
        ("content-length", "+1"),
        ("content-length", "x"),
        ("content-length", "5"),
        ("content-length", "-1"),
        ("content-length", "1, 1"),
        (":method", "POST"),
        (":path", "/healthz"),
        (":authority", "b"),
        (":scheme", "https"),
        (":status", "200"),
        (":protocol", "websocket"),
        (":other", "x"),
        ("host", "b"),
    ];
    let values = values.into_iter().map(|value| (b"x".to_vec(), value.to_vec()));
    let names = names.into_iter().map(|name| (name.to_vec(), b"y".to_vec()));
    values.chain(names).chain(fields(&pairs)).collect()
}

/// Pseudo-fields that are missing, empty, in the wrong place, or of a wrong value.
fn malformed_pseudo_fields() -> Vec<(String, Change)> {
    let mut cases: Vec<(String, Change)> = Vec::new();
    for at in [":method", ":scheme", ":path", ":authority"] {
        cases.push((format!("no {at}"), Box::new(move |list| list.retain(|(name, _)| name != at.as_bytes()))));
        cases.push((format!("{at} empty"), replacing(at, b"")));
        let move_back = move |list: &mut Fields| {
            let at = list.iter().position(|(name, _)| name == at.as_bytes()).unwrap();
            let field = list.remove(at);
            list.push(field);
        };
        cases.push((format!("{at} behind the fields"), Box::new(move_back)));
    }
    let paths = [
        &b"v1/x"[..],
        b"*",
        b"/v1/x y",
        b"/v1/x\r\nX: y",
        b"http://b/v1/x",
        b"/v1/x\0",
        b"//v1/x",
        b"/v1/../v1/x",
        b"/v1/x HTTP/1.1\r\nHost: b\r\n\r\n",
    ];
    let methods =
        [&b"GET /v1/y HTTP/1.1\r\nHost: b\r\n\r\nGET"[..], b"G T", b"CONNECT", b"TRACE", b"GET\0", b"get\r\n"];
    let authorities = [&b"a b"[..], b"u@a", b"a\r\nX: y", b"a/b", b"a,b", b"a:99999", b"a:x", b"[::1", b"a#b", b"a?b"];
    let schemes = [&b"ftp"[..], b"http\r\nx", b"javascript", b"://"];
    let all: [(&str, &[&[u8]]); 4] =
        [(":path", &paths), (":method", &methods), (":authority", &authorities), (":scheme", &schemes)];
    for (at, values) in all {
        for value in values {
            cases.push((format!("{at} {:?}", String::from_utf8_lossy(value)), replacing(at, value)));
        }
    }
    cases
}

/// Gives a pseudo-field another value.
fn replacing(at: &'static str, value: &[u8]) -> Change {
    let value = value.to_vec();
    Box::new(move |list| {
        let field = list.iter_mut().find(|(name, _)| name == at.as_bytes()).unwrap();
        field.1.clone_from(&value);
    })
}

#[tokio::test]
async fn s18_what_http1_could_not_say_is_refused_before_anything_is_written_upstream() {
    let (gateway, wire) = gateway().await;
    let mut wrong = Wrong::default();
    for (what, change) in malformed() {
        let mut list = good(&gateway, "/v1/x");
        change(&mut list);
        let mut frames = Frames::connect(gateway.address()).await;
        frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &encoded(&list)).await;
        let outcome = frames.outcome(1).await;
        let arrived = String::from_utf8_lossy(&wire.take()).into_owned();
        wrong.unless(arrived.is_empty(), format!("{what}: arrived as {:?}", arrived.split("authorization").next()));
        wrong.unless(outcome.is_some(), format!("{what}: no answer"));
        // Nor does it harm another stream of the connection, where that goes on.
        if outcome == Some(RST_STREAM) || outcome == Some(HEADERS) {
            frames.send(HEADERS, END_HEADERS | END_STREAM, 3, &encoded(&good(&gateway, "/v1/next"))).await;
            wrong.unless(frames.outcome(3).await == Some(HEADERS), format!("{what}: the next stream got nothing"));
            wrong.unless(
                wire.take().starts_with(b"GET /v1/next HTTP/1.1\r\n"),
                format!("{what}: the next stream didn't arrive"),
            );
        }
    }
}

#[tokio::test]
async fn s18_a_body_that_is_not_as_long_as_announced_never_looks_whole() {
    let (gateway, wire) = gateway().await;
    for (length, data, what) in
        [("3", &b"abcdef"[..], "too long"), ("6", b"abc", "too short"), ("0", b"abc", "none announced")]
    {
        let mut list = good(&gateway, "/v1/x");
        list[0].1 = b"POST".to_vec();
        list.push((b"content-length".to_vec(), length.as_bytes().to_vec()));
        let mut frames = Frames::connect(gateway.address()).await;
        frames.send(HEADERS, END_HEADERS, 1, &encoded(&list)).await;
        frames.send(DATA, END_STREAM, 1, data).await;
        let outcome = frames.outcome(1).await;
        let arrived = String::from_utf8_lossy(&wire.take()).to_ascii_lowercase();
        // The head may have arrived, but not a whole message.
        let whole = arrived.contains("chunked") && arrived.ends_with("0\r\n\r\n");
        assert!(outcome.is_some() && !whole, "{what}: {arrived:?}");
    }
}

type Sent = (u8, u8, u32, Vec<u8>);

/// What is sent in each round of a flood.
type Rounds<'f> = Box<dyn Fn(usize) -> Vec<Sent> + 'f>;

/// Sends frames until the gateway takes no more, or so many rounds of them; whether it ended the connection, where that
/// is waited for.
async fn flood(gateway: &Gateway, rounds: usize, wait: bool, next: &dyn Fn(usize) -> Vec<Sent>) -> bool {
    let mut frames = Frames::connect(gateway.address()).await;
    for at in 0..rounds {
        for (kind, flags, stream, payload) in next(at) {
            if !frames.send(kind, flags, stream, &payload).await {
                return true;
            }
        }
    }
    if !wait {
        return false;
    }
    while let Some(frame) = frames.next().await {
        if frame.kind == GOAWAY {
            return true;
        }
    }
    !frames.send(PING, 0, 0, &[0; 8]).await
}

fn stream(at: usize) -> u32 {
    u32::try_from(at).unwrap() * 2 + 1
}

#[tokio::test]
async fn s30_floods_of_frames_leave_the_gateway_responsive() {
    let (gateway, _wire): (Gateway, Wire) = gateway().await;
    let jane = gateway.jane();
    let head = encoded(&good(&gateway, "/v1/x"));
    let anonymous: Vec<_> = good(&gateway, "/v1/x").into_iter().take(4).collect();
    let anonymous = encoded(&anonymous);
    let more = encoded(&fields(&[("x", "y")]));
    let reset = 8_u32.to_be_bytes().to_vec();
    let first =
        |at: usize, flags: u8, then: Sent| if at == 0 { vec![(HEADERS, flags, 1, head.clone())] } else { vec![then] };
    let far = |by: u32| by.to_be_bytes().to_vec();
    // Whether the connection has to end by it, how often, and what is sent.
    let floods: [(&str, bool, usize, Rounds<'_>); 10] = [
        (
            "rapid resets",
            true,
            2000,
            Box::new(|at| {
                vec![(HEADERS, END_HEADERS, stream(at), head.clone()), (RST_STREAM, 0, stream(at), reset.clone())]
            }),
        ),
        (
            "resets by the gateway",
            true,
            3000,
            Box::new(|at| {
                vec![(HEADERS, END_HEADERS, stream(at), anonymous.clone()), (WINDOW_UPDATE, 0, stream(at), far(0))]
            }),
        ),
        ("continuations", true, 20_000, Box::new(|at| first(at, 0, (CONTINUATION, 0, 1, more.clone())))),
        ("empty continuations", true, 20_000, Box::new(|at| first(at, 0, (CONTINUATION, 0, 1, Vec::new())))),
        ("a window too far", true, 4, Box::new(|_| vec![(WINDOW_UPDATE, 0, 0, far(0x7fff_ffff))])),
        ("pings", false, 20_000, Box::new(|_| vec![(PING, 0, 0, vec![0; 8])])),
        ("settings", false, 20_000, Box::new(|_| vec![(SETTINGS, 0, 0, Vec::new())])),
        ("empty data", false, 20_000, Box::new(|at| first(at, END_HEADERS, (DATA, 0, 1, Vec::new())))),
        ("streams without an end", false, 2000, Box::new(|at| vec![(HEADERS, END_HEADERS, stream(at), head.clone())])),
        ("window updates", false, 20_000, Box::new(|_| vec![(WINDOW_UPDATE, 0, 0, far(1))])),
    ];
    let mut wrong = Wrong::default();
    for (what, ends, rounds, next) in &floods {
        let ended = flood(&gateway, *rounds, *ends, next).await;
        wrong.unless(ended || !ends, format!("{what}: the connection goes on"));
        let start = Instant::now();
        let code = gateway.get("/v1/bystander", &jane).await.code();
        wrong.unless(
            code == 200 && start.elapsed() < Duration::from_secs(1),
            format!("{what}: {code} after {:?}", start.elapsed()),
        );
    }
}

#[tokio::test]
async fn s30_streams_and_header_lists_are_bounded_and_announced() {
    let (gateway, _wire) = gateway().await;
    let mut frames = Frames::connect(gateway.address()).await;
    let settings = frames.next().await.unwrap();
    assert_eq!(settings.kind, SETTINGS);
    let value = |id: u8| {
        let found = settings.payload.chunks(6).find(|setting| setting[..2] == [0, id])?;
        Some(u32::from_be_bytes([found[2], found[3], found[4], found[5]]))
    };
    assert_eq!((value(3), value(6)), (Some(100), Some(32 << 10)), "MAX_CONCURRENT_STREAMS and MAX_HEADER_LIST_SIZE");
    let mut list = good(&gateway, "/v1/x");
    list.extend((0..40).map(|at| (format!("x-{at}").into_bytes(), vec![b'y'; 1000])));
    let large = encoded(&list);
    let (first, rest) = large.split_at(16_000);
    frames.send(HEADERS, END_STREAM, 1, first).await;
    for (at, part) in rest.chunks(16_000).enumerate() {
        let flags = if (at + 1) * 16_000 >= rest.len() { END_HEADERS } else { 0 };
        frames.send(CONTINUATION, flags, 1, part).await;
    }
    assert!(frames.outcome(1).await.is_some());
    assert_eq!(gateway.get("/v1/bystander", &gateway.jane()).await.code(), 200);
}
