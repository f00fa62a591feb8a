//! What an upstream may say to a WebSocket handshake: a switch is exact, or it is 502.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{CONFIG, Scripted, Step, World, raw};

const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// The status of a handshake with these fields, which the upstream answers with this head; and what came with it.
async fn handshake(offers: &str, response: &str) -> (u16, String) {
    let bytes = format!("{response}\r\n\x01\x02hello");
    let upstream = Scripted::start(move |_| vec![Step::send(&bytes), Step::Close]).await;
    let gateway = World::new().await.gateway(&CONFIG.replace("${UPSTREAM}", &upstream.url())).await;
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let head =
        format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n{fields}{offers}\r\n", gateway.jane());
    let answer = said(gateway.address(), head.as_bytes()).await;
    (raw::status(&answer), answer)
}

/// All that the gateway says within a while.
async fn said(address: SocketAddr, bytes: &[u8]) -> String {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(bytes).await.unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(read @ 1..)) = timeout(Duration::from_secs(1), client.read(&mut part)).await {
        answer.extend_from_slice(&part[..read]);
        if answer.ends_with(b"hello") || answer.ends_with(b"}") || answer.ends_with(b"0\r\n\r\n") {
            break;
        }
    }
    String::from_utf8(answer).unwrap()
}

fn switched(version: &str, fields: &str) -> String {
    format!("HTTP/{version} 101 Switching Protocols\r\n{fields}")
}

const AGREED: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

#[tokio::test]
async fn a_switch_that_is_not_exactly_what_was_asked_for_is_502() {
    let agreed = [AGREED, ACCEPT].concat();
    for (what, response) in [
        ("HTTP/1.0", switched("1.0", &agreed)),
        ("no Connection", switched("1.1", &format!("Upgrade: websocket\r\n{ACCEPT}"))),
        ("another Connection", switched("1.1", &format!("Connection: keep-alive\r\nUpgrade: websocket\r\n{ACCEPT}"))),
        ("no Upgrade", switched("1.1", &format!("Connection: Upgrade\r\n{ACCEPT}"))),
        ("another Upgrade", switched("1.1", &format!("Connection: Upgrade\r\nUpgrade: h2c\r\n{ACCEPT}"))),
        ("two Upgrades", switched("1.1", &format!("{agreed}Upgrade: websocket\r\n"))),
        ("no Accept", switched("1.1", AGREED)),
        ("another Accept", switched("1.1", &format!("{AGREED}Sec-WebSocket-Accept: AAAA\r\n"))),
        ("two Accepts", switched("1.1", &format!("{agreed}{ACCEPT}"))),
        ("another Accept behind", switched("1.1", &format!("{agreed}Sec-WebSocket-Accept: AAAA\r\n"))),
        ("an unasked extension", switched("1.1", &format!("{agreed}Sec-WebSocket-Extensions: permessage-deflate\r\n"))),
        ("an unasked subprotocol", switched("1.1", &format!("{agreed}Sec-WebSocket-Protocol: chat\r\n"))),
    ] {
        let (status, answer) = handshake("", &response).await;
        assert!(status == 502 && !answer.contains("hello"), "{what}: {answer}");
    }
    let offers = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: x-one, x-two; p=1\r\n";
    for chosen in [
        "Sec-WebSocket-Protocol: other\r\n",
        "Sec-WebSocket-Protocol: Chat\r\n",
        "Sec-WebSocket-Protocol: chat, superchat\r\n",
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n",
        "Sec-WebSocket-Protocol:\r\n",
        "Sec-WebSocket-Extensions: x-one, x-three\r\n",
        "Sec-WebSocket-Extensions: x-one\r\nSec-WebSocket-Extensions: x-three\r\n",
    ] {
        let (status, answer) = handshake(offers, &switched("1.1", &format!("{agreed}{chosen}"))).await;
        assert!(status == 502 && !answer.contains("hello"), "{chosen}: {answer}");
    }
}

#[tokio::test]
async fn what_the_client_offered_may_be_chosen() {
    let offers = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    for chosen in [
        "",
        "Sec-WebSocket-Protocol: superchat\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\nSec-WebSocket-Protocol: chat\r\n",
    ] {
        let (status, answer) = handshake(offers, &switched("1.1", &[AGREED, ACCEPT, chosen].concat())).await;
        assert!(status == 101 && answer.ends_with("\r\n\r\n\u{1}\u{2}hello"), "{chosen}: {answer}");
        assert!(
            chosen.lines().all(|line| answer.to_ascii_lowercase().contains(&line.to_ascii_lowercase())),
            "{answer}"
        );
    }
    let (status, _) = handshake(
        "",
        &switched("1.1", &["connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n", ACCEPT].concat()),
    )
    .await;
    assert_eq!(status, 101);
}
