//! Clients that bend HTTP/2: streams they would keep for ever, and messages that RFC 9113 calls malformed.

use crate::support::frames::{DATA, END_STREAM, Frames, GOAWAY, Outcome, PING, RST_STREAM};
use crate::support::{CONFIG, Gateway};

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const INITIAL_WINDOW: u16 = 4;

/// `FLOW_CONTROL_ERROR`.
const FLOW_CONTROL: u32 = 3;

/// A request that is answered with `200 ok`.
fn good(bearer: &str) -> Vec<(&str, &str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/v1/x"), ("authorization", bearer)]
}

async fn impatient() -> Gateway {
    Gateway::with(&format!("{CONFIG}timeouts: {{ body: 1s }}\n")).await
}

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_reset_and_the_others_go_on() {
    let gateway = impatient().await;
    let bearer = format!("Bearer {}", gateway.jane());
    let mut client = Frames::connect(gateway.address(), &[(INITIAL_WINDOW, 0)]).await;
    client.headers(1, END_STREAM, &good(&bearer)).await;
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
    assert_eq!(client.outcome(1).await, Outcome::Reset(FLOW_CONTROL), "two bytes wait for the window");
    client.headers(3, END_STREAM, &good(&bearer)).await;
    client.open(3, 2).await;
    assert_eq!(client.outcome(3).await, Outcome::Status(200));
    let data = client.next().await.unwrap();
    assert_eq!((data.kind, data.stream, &data.payload[..]), (DATA, 3, &b"ok"[..]));
}

#[tokio::test]
async fn a_window_that_is_opened_byte_by_byte_counts_as_shut() {
    let gateway = impatient().await;
    gateway.world.upstream.publish("x".repeat(1000));
    let bearer = format!("Bearer {}", gateway.jane());
    let mut client = Frames::connect(gateway.address(), &[(INITIAL_WINDOW, 1)]).await;
    client.headers(1, END_STREAM, &good(&bearer)).await;
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
    let mut taken = 0;
    let end = loop {
        let frame = client.next().await.unwrap();
        if frame.kind != DATA {
            break frame;
        }
        taken += frame.payload.len();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        client.open(1, 1).await;
    };
    assert_eq!((end.kind, end.stream), (RST_STREAM, 1));
    assert!((2..1000).contains(&taken), "{taken}");
}

#[tokio::test]
async fn a_connection_whose_window_stays_shut_is_given_up() {
    let gateway = impatient().await;
    gateway.world.upstream.publish("x".repeat(200_000));
    let bearer = format!("Bearer {}", gateway.jane());
    let mut client = Frames::connect(gateway.address(), &[(INITIAL_WINDOW, 1 << 20)]).await;
    client.headers(1, END_STREAM, &good(&bearer)).await;
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
    while let Some(frame) = client.next().await {
        assert!(matches!(frame.kind, DATA | GOAWAY), "{frame:?}");
    }
}

/// Changes to a good request that make it malformed (RFC 9113 section 8), or that nobody needs.
const MALFORMED: &[(&str, &[(&str, &str)])] = &[
    ("no method", &[("-", ":method")]),
    ("no scheme", &[("-", ":scheme")]),
    ("no path", &[("-", ":path")]),
    ("no authority", &[("-", ":authority")]),
    ("an empty path", &[(":path", "")]),
    ("an empty authority", &[(":authority", "")]),
    ("an empty method", &[(":method", "")]),
    ("a method that is none", &[(":method", "GET /x HTTP/1.1")]),
    ("two methods", &[("+:method", "GET")]),
    ("two paths", &[("+:path", "/healthz")]),
    ("two authorities", &[("+:authority", "a")]),
    ("two schemes", &[("+:scheme", "http")]),
    ("an unknown pseudo-field", &[("+:foo", "1")]),
    ("a pseudo-field of answers", &[("+:status", "200")]),
    ("a pseudo-field behind a field", &[("-", ":path"), ("+:path", "/v1/x")]),
    ("a protocol without CONNECT", &[("+:protocol", "websocket")]),
    ("extended CONNECT", &[(":method", "CONNECT"), ("+:protocol", "websocket")]),
    ("another scheme", &[(":scheme", "ftp")]),
    ("a scheme with a colon", &[(":scheme", "http:")]),
    ("user information", &[(":authority", "u@a")]),
    ("an authority with a path", &[(":authority", "a/b")]),
    ("an authority with a space", &[(":authority", "a b")]),
    ("a host that differs", &[("+host", "b")]),
    ("two hosts", &[("+host", "a"), ("+host", "a")]),
    ("a path that is none", &[(":path", "v1/x")]),
    ("a path with a space", &[(":path", "/v1/x y")]),
    ("a path with a line break", &[(":path", "/v1/x\r\nx: y")]),
    ("a path with a tab", &[(":path", "/v1/\tx")]),
    ("a path with a byte beyond ASCII", &[(":path", "/v1/\u{e9}")]),
    ("an absolute path", &[(":path", "http://a/v1/x")]),
    ("an asterisk", &[(":path", "*")]),
    ("a name in upper case", &[("+X-A", "1")]),
    ("a name with a space", &[("+x a", "1")]),
    ("a name with a colon", &[("+x:a", "1")]),
    ("an empty name", &[("+", "1")]),
    ("a name with a line break", &[("+x\r\ny", "1")]),
    ("a value with a line break", &[("+x-a", "1\r\nx: y")]),
    ("a value with a bare line feed", &[("+x-a", "1\ny")]),
    ("a value with a null byte", &[("+x-a", "1\0")]),
    ("a value with a control character", &[("+x-a", "1\u{1}")]),
    ("a value with a space in front", &[("+x-a", " 1")]),
    ("a value with a tab behind", &[("+x-a", "1\t")]),
    ("connection", &[("+connection", "close")]),
    ("keep-alive", &[("+keep-alive", "timeout=5")]),
    ("proxy-connection", &[("+proxy-connection", "close")]),
    ("transfer-encoding", &[("+transfer-encoding", "chunked")]),
    ("upgrade", &[("+upgrade", "h2c")]),
    ("te of codings", &[("+te", "gzip")]),
    ("te of more than trailers", &[("+te", "trailers, gzip")]),
    ("a length that is none", &[("+content-length", "+0")]),
    ("an empty length", &[("+content-length", "")]),
    ("a list of lengths", &[("+content-length", "0, 0")]),
    ("two lengths", &[("+content-length", "0"), ("+content-length", "0")]),
    ("a length without a body", &[("+content-length", "5")]),
    ("two credentials", &[("+authorization", "Bearer x")]),
    ("an unknown expectation", &[("+expect", "x")]),
];

/// A good request, changed: `-` removes a field, `+` adds one behind the others.
fn changed<'f>(bearer: &'f str, changes: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let mut fields = good(bearer);
    for (name, value) in changes {
        match name.strip_prefix('+') {
            Some(name) => fields.push((name, *value)),
            None if *name == "-" => fields.retain(|(name, _)| name != value),
            None => fields.iter_mut().filter(|field| field.0 == *name).for_each(|field| field.1 = *value),
        }
    }
    fields
}

#[tokio::test]
async fn malformed_messages_are_refused_and_reach_nobody() {
    let gateway = Gateway::start().await;
    let bearer = format!("Bearer {}", gateway.jane());
    for (what, changes) in MALFORMED {
        let mut client = Frames::connect(gateway.address(), &[]).await;
        client.headers(1, END_STREAM, &changed(&bearer, changes)).await;
        let outcome = client.outcome(1).await;
        assert!(outcome.is_refusal() || outcome == Outcome::Status(0), "{what}: {outcome:?}");
        let seen = gateway.world.upstream.seen();
        assert!(seen.is_empty(), "{what}: {outcome:?}, and {seen:?} arrived");
    }
    let mut client = Frames::connect(gateway.address(), &[]).await;
    client.headers(1, END_STREAM, &good(&bearer)).await;
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
}

#[tokio::test]
async fn an_idle_client_that_does_not_take_leave_is_dropped() {
    let gateway = Gateway::with(&format!("{CONFIG}timeouts: {{ idle: 1s }}\n")).await;
    let bearer = format!("Bearer {}", gateway.jane());
    let mut client = Frames::connect(gateway.address(), &[]).await;
    client.headers(1, END_STREAM, &good(&bearer)).await;
    assert_eq!(client.outcome(1).await, Outcome::Status(200));
    // A frame that is begun and never ends keeps h2 from closing.
    client.send_part(&[0, 0, 100, 1, 4, 0, 0, 0, 3, 0]).await;
    while let Some(frame) = client.next().await {
        assert!(matches!(frame.kind, DATA | GOAWAY), "{frame:?}");
    }
}

#[tokio::test]
async fn a_flood_of_frames_that_carry_nothing_ends_the_connection() {
    let gateway = Gateway::start().await;
    let bearer = format!("Bearer {}", gateway.jane());
    let ping = [0, 0, 8, PING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let priority = [0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1];
    let unknown = [0, 0, 0, 0x42, 0, 0, 0, 0, 0];
    for frame in [&ping[..], &priority, &unknown] {
        let mut client = Frames::connect(gateway.address(), &[]).await;
        client.headers(1, END_STREAM, &good(&bearer)).await;
        assert_eq!(client.outcome(1).await, Outcome::Status(200));
        client.send_part(&frame.repeat(3000)).await;
        while client.next().await.is_some() {}
    }
}

/// h2 cuts a fragment off before anybody sees it: what is left is judged, and the same is forwarded.
#[tokio::test]
async fn behind_a_fragment_nothing_is_judged_and_nothing_arrives() {
    let gateway = Gateway::start().await;
    for (path, arrives) in [("/healthz#/v1/x", Some("/healthz")), ("/v1/x#/healthz", None), ("/healthz/..#", None)] {
        let mut client = Frames::connect(gateway.address(), &[]).await;
        let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)];
        client.headers(1, END_STREAM, &fields).await;
        let outcome = client.outcome(1).await;
        assert_eq!(outcome == Outcome::Status(200), arrives.is_some(), "{path}: {outcome:?}");
        let seen = gateway.world.upstream.seen().pop().map(|seen| seen.target);
        assert_eq!(seen.as_deref().filter(|_| arrives.is_some()), arrives, "{path}");
    }
    assert_eq!(gateway.world.upstream.count(), 1);
}
