//! A WebSocket that returns every message (RFC 6455), with what a test of a proxy needs and no more.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::provider::{Answer, json, with_header};

/// What RFC 6455 §1.3 appends to a key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A message beyond this many bytes ends the connection.
const MAX_PAYLOAD: u64 = 64 * 1024;
/// The opcode that closes (RFC 6455 §5.2), those of a ping and its pong, and the bit of a last frame.
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const LAST: u8 = 0x80;

/// Accepts a handshake and returns messages until the client closes; anything else is 426.
pub(super) fn accept(mut request: Request<Incoming>) -> Answer {
    let upgrade = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = request.headers().get(SEC_WEBSOCKET_KEY).filter(|_| upgrade.eq_ignore_ascii_case("websocket"));
    let Some(accepted) = key.and_then(|key| HeaderValue::try_from(accept_of(key.as_bytes())).ok()) else {
        let answer = json(StatusCode::UPGRADE_REQUIRED, &json!({ "error": "upgrade_required" }));
        return with_header(answer, UPGRADE, "websocket");
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let ended = match upgraded.await {
            Ok(stream) => echo(TokioIo::new(stream)).await,
            Err(error) => Err(std::io::Error::other(error)),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a WebSocket of the demo ended early");
        }
    });
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accepted);
    with_header(with_header(answer, UPGRADE, "websocket"), CONNECTION, "upgrade")
}

/// The proof that the handshake was read as such (RFC 6455 §4.2.2).
fn accept_of(key: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID.as_bytes()].concat()))
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<()> {
    loop {
        let [first, second] = [stream.read_u8().await?, stream.read_u8().await?];
        let length = match second & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        // Clients must mask (RFC 6455 §5.1).
        if length > MAX_PAYLOAD || second & 0x80 == 0 {
            return Ok(());
        }
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap_or_default()];
        stream.read_exact(&mut payload).await?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        let opcode = first & 0x0f;
        let answer = if opcode == PING { LAST | PONG } else { first };
        stream.write_all(&frame(answer, &payload)).await?;
        if opcode == CLOSE {
            return stream.shutdown().await;
        }
    }
}

/// A frame without a mask, as servers send them.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < 126 => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_follows_the_example_of_rfc_6455() {
        assert_eq!(accept_of(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn a_message_comes_back_and_a_close_ends() {
        let (mut client, server) = tokio::io::duplex(1024);
        let echoing = tokio::spawn(echo(server));
        client.write_all(&[0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]).await.unwrap();
        client.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [0x81, 2, b'h', b'i', 0x88, 0]);
        echoing.await.unwrap().unwrap();
    }
}
