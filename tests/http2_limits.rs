//! The bounds of an HTTP/2 connection that the configuration sets.

use crate::support::Gateway;
use crate::support::frames::{END_STREAM, Frames, GOAWAY, Outcome, RST_STREAM};

/// `ENHANCE_YOUR_CALM` (RFC 9113 section 7).
const CALM: u32 = 0xb;
/// `CANCEL`.
const CANCEL: [u8; 4] = [0, 0, 0, 8];

const FIELDS: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/x")];

fn config(limits: &str) -> String {
    let config = "
listeners: [{ address: 127.0.0.1:0 }]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
limits: ";
    format!("{config}{limits}\n")
}

async fn gateway(limits: &str) -> Gateway {
    Gateway::with(&config(limits)).await
}

/// The error code with which the connection is closed.
async fn farewell(client: &mut Frames) -> u32 {
    while let Some(frame) = client.next().await {
        if frame.kind == GOAWAY {
            return u32::from_be_bytes(frame.payload[4..8].try_into().unwrap());
        }
    }
    panic!("closed without GOAWAY");
}

/// Opens ten streams and resets each at once.
async fn reset_ten(gateway: &Gateway) -> Frames {
    let mut client = Frames::connect(gateway.address(), &[]).await;
    for stream in (1..20).step_by(2) {
        client.headers(stream, END_STREAM, FIELDS).await;
        client.send(RST_STREAM, 0, stream, &CANCEL).await;
    }
    client
}

#[tokio::test]
async fn masses_of_streams_that_are_reset_at_once_close_the_connection() {
    let strict = gateway("{ http2: { pending_resets: 5 } }").await;
    assert_eq!(farewell(&mut reset_ten(&strict).await).await, CALM);
    let usual = gateway("{}").await;
    let mut client = reset_ten(&usual).await;
    client.headers(21, END_STREAM, FIELDS).await;
    assert_eq!(client.outcome(21).await, Outcome::Status(200), "a few are usual");
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_that_leave_early_do_not_close_its_connection() {
    let few = "{ http2: { pending_resets: 5, stream_errors: 5 } }";
    let trusted = gateway(&format!("{few}\ntrusted_proxies: [127.0.0.1]")).await;
    let mut proxy = reset_ten(&trusted).await;
    proxy.headers(21, END_STREAM, FIELDS).await;
    assert_eq!(proxy.outcome(21).await, Outcome::Status(200));
    let other = gateway(&format!("{few}\ntrusted_proxies: [192.0.2.1]")).await;
    assert_eq!(farewell(&mut reset_ten(&other).await).await, CALM, "another client's connection");
    trusted.reload(&config(&format!("{few}\ntrusted_proxies: [192.0.2.1]")));
    assert_eq!(farewell(&mut reset_ten(&trusted).await).await, CALM, "it is no longer trusted");
}

#[tokio::test]
async fn masses_of_streams_with_errors_close_the_connection() {
    let strict = gateway("{ http2: { stream_errors: 5 } }").await;
    let mut client = Frames::connect(strict.address(), &[]).await;
    for stream in (1..20).step_by(2) {
        client.headers(stream, END_STREAM, FIELDS).await;
        // A window beyond 2^31-1 is an error of its stream (RFC 9113 section 6.9.1).
        client.open(stream, 0x7fff_ffff).await;
    }
    assert_eq!(farewell(&mut client).await, CALM);
}
