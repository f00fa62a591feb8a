//! What streams ends when the token expires, where the route asks for it, and goes on elsewhere.

use std::time::{Duration, Instant};

use mfa_gateway_core::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::gateway::START;
use crate::support::{Gateway, Recorder, Scripted, Step, World, within};

const ROUTES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
log: { access_output: \"${LOG}\" }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com], clock_skew: 0s }
upstreams: [{ name: api, endpoints: [\"${SCRIPTED}\"] }]
routes:
  - { prefix: /keep/, upstream: api }
  - { prefix: /close/, upstream: api, at_expiry: close }
";

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello";

struct Stage {
    gateway: Gateway,
    log: tempfile::NamedTempFile,
    _upstream: Scripted,
}

async fn stage() -> Stage {
    let upstream = Scripted::start(|target| {
        let answer = if target.ends_with("socket") { SWITCHED } else { EVENTS };
        vec![Step::send(answer), Step::Wait(Duration::from_secs(4)), Step::Close]
    })
    .await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let world = World::at(Clock::manual(START), Recorder::start().await).await;
    let world = world.with("SCRIPTED", &upstream.url()).with("LOG", log.path().to_str().unwrap());
    Stage { gateway: world.gateway(ROUTES).await, log, _upstream: upstream }
}

/// Sends a head with a token that expires in a second, and reads until the end. How long that took, and what came.
async fn until_end(stage: &Stage, target: &str, fields: &str) -> (Duration, String) {
    let token = stage.gateway.changed(|claims| claims["exp"] = (START.as_secs() + 1).into());
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{fields}\r\n");
    let began = Instant::now();
    let mut stream = TcpStream::connect(stage.gateway.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut answer)).await;
    (began.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn a_stream_of_events_ends_without_its_last_chunk() {
    let stage = stage().await;
    let (took, answer) = until_end(&stage, "/close/x", "").await;
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    assert!(answer.contains("event") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    let (took, answer) = until_end(&stage, "/keep/x", "").await;
    assert!(took > Duration::from_secs(3) && answer.contains("event"), "{took:?}");
    let path = stage.log.path().to_owned();
    stage.gateway.drain().await;
    let lines = std::fs::read_to_string(path).unwrap();
    let line = |of: &str| -> serde_json::Value {
        serde_json::from_str(lines.lines().find(|line| line.contains(of)).unwrap()).unwrap()
    };
    assert_eq!((&line("/close/")["ended_by"], &line("/close/")["complete"]), (&"token_expired".into(), &false.into()));
    assert_eq!(line("/keep/").get("ended_by"), None);
}

#[tokio::test]
async fn a_websocket_closes_on_both_sides() {
    let stage = stage().await;
    let (took, answer) = until_end(&stage, "/close/socket", HANDSHAKE).await;
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    assert!(answer.starts_with("HTTP/1.1 101") && answer.ends_with("hello"), "{answer}");
    let (took, answer) = until_end(&stage, "/keep/socket", HANDSHAKE).await;
    assert!(took > Duration::from_secs(3) && answer.ends_with("hello"), "{took:?}");
}

#[tokio::test]
async fn an_upload_that_outlasts_its_token_is_refused_as_expired() {
    let stage = stage().await;
    let (took, answer) = until_end(&stage, "/close/upload", "Content-Length: 10\r\n").await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    // The upstream of this test responds before it has the request: its response breaks off with the request.
    assert!(answer.contains("event") || answer.contains("token_expired"), "{answer}");
}
