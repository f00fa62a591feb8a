//! Clients that leave while their response is quiet: the upstream learns of it soon.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::support::frames::{END_STREAM, Frames, GOAWAY, RST_STREAM};
use crate::support::{CONFIG, Gateway, World, within};

/// An upstream that has sent the head of an event stream, or more, and is quiet.
struct Quiet {
    gateway: Gateway,
    listener: TcpListener,
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const EVENT: &str = "9\r\ndata: 1\n\n\r\n";

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

impl Quiet {
    async fn start(more: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = CONFIG.replace("${UPSTREAM}", &format!("http://{}", listener.local_addr().unwrap()));
        Self { gateway: World::new().await.gateway(&format!("{config}{more}")).await, listener }
    }

    fn request(&self, version: &str, fields: &str) -> String {
        let bearer = self.gateway.jane();
        format!("GET /v1/x HTTP/{version}\r\nHost: a\r\nAuthorization: Bearer {bearer}\r\n{fields}\r\n")
    }

    /// The upstream's connection, with the response begun.
    async fn begin(&self, response: &str) -> TcpStream {
        let mut stream = within("the request", self.listener.accept()).await.unwrap().0;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("the request's head", stream.read_u8()).await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        stream
    }

    /// A client whose response has come so far.
    async fn client(&self, request: &str, response: &str) -> (TcpStream, TcpStream) {
        let mut client = TcpStream::connect(self.gateway.address()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let upstream = self.begin(response).await;
        let mut part = [0; 1024];
        assert!(within("the head", client.read(&mut part)).await.unwrap() > 0);
        sleep(Duration::from_millis(100)).await;
        (client, upstream)
    }
}

/// Until the upstream's connection ends.
async fn end(mut upstream: TcpStream) -> Duration {
    let start = Instant::now();
    let ended =
        timeout(Duration::from_secs(5), async { while matches!(upstream.read(&mut [0; 64]).await, Ok(1..)) {} });
    ended.await.expect("the upstream's connection ends");
    start.elapsed()
}

const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn over_http1_the_upstream_learns_of_it_within_two_seconds() {
    for response in [HEAD.to_owned(), [HEAD, EVENT].concat()] {
        for version in ["1.1", "1.0"] {
            for closes in [true, false] {
                let quiet = Quiet::start("").await;
                let (mut client, upstream) = quiet.client(&quiet.request(version, ""), &response).await;
                let half = if closes {
                    drop(client);
                    None
                } else {
                    client.shutdown().await.unwrap();
                    Some(client)
                };
                let took = end(upstream).await;
                assert!(took < SOON, "{version}, {closes}: {took:?}");
                drop(half);
            }
        }
    }
}

#[tokio::test]
async fn over_http2_the_upstream_learns_of_it_within_two_seconds() {
    for way in ["reset", "close", "go away and close"] {
        let quiet = Quiet::start("").await;
        let mut client = Frames::connect(quiet.gateway.address(), &[]).await;
        let bearer = format!("Bearer {}", quiet.gateway.jane());
        let head = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/v1/x")];
        client.headers(1, END_STREAM, &[&head[..], &[("authorization", &bearer)]].concat()).await;
        let upstream = quiet.begin(HEAD).await;
        within("the head", client.next()).await.unwrap();
        match way {
            "reset" => client.send(RST_STREAM, 0, 1, &8_u32.to_be_bytes()).await,
            "close" => drop(client),
            _ => {
                client.send(GOAWAY, 0, 0, &[0; 8]).await;
                drop(client);
            }
        }
        let took = end(upstream).await;
        assert!(took < SOON, "{way}: {took:?}");
    }
}

#[tokio::test]
async fn over_a_websocket_the_upstream_learns_of_it_within_two_seconds() {
    let quiet = Quiet::start("").await;
    let (client, upstream) = quiet.client(&quiet.request("1.1", UPGRADE), SWITCHED).await;
    drop(client);
    let took = end(upstream).await;
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_client_that_closed_its_half_gets_a_response_that_goes_on() {
    let quiet = Quiet::start("").await;
    let (mut client, mut upstream) = quiet.client(&quiet.request("1.1", ""), HEAD).await;
    client.shutdown().await.unwrap();
    for _ in 0..8 {
        sleep(Duration::from_millis(400)).await;
        upstream.write_all(EVENT.as_bytes()).await.unwrap();
    }
    upstream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut events = String::new();
    within("the response", client.read_to_string(&mut events)).await.unwrap();
    assert!(events.matches("data: 1").count() == 8 && events.ends_with("0\r\n\r\n"), "{events}");
}

#[tokio::test]
async fn how_long_a_response_may_be_quiet_then_is_configured() {
    for (configured, from, to) in [("0s", 0, 400), ("3s", 2900, 4500)] {
        let quiet = Quiet::start(&format!("timeouts: {{ half_closed: {configured} }}\n")).await;
        let (mut client, upstream) = quiet.client(&quiet.request("1.1", ""), HEAD).await;
        client.shutdown().await.unwrap();
        let took = end(upstream).await.as_millis();
        assert!((from..to).contains(&took), "{configured}: {took} ms");
    }
}

#[tokio::test]
async fn a_connection_may_be_younger_than_the_time_for_a_first_head() {
    let more = "timeouts: { header: 10s, connection_age: 1s }\n";
    let gateway = Gateway::with(&format!("{CONFIG}{more}")).await;
    for asked in ["GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /healthz HT"] {
        let start = Instant::now();
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        client.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within("the end", client.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200").count(), usize::from(asked.ends_with("\r\n")), "{answer}");
        let took = start.elapsed();
        assert!(took > Duration::from_millis(800) && took < Duration::from_secs(5), "{asked:?}: {took:?}");
    }
}
