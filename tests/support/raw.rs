//! A bare socket: for what no client library would send, and to see an answer's very bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

/// Sends these bytes, reads until the gateway closes, and returns what came.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    within("the gateway to close", async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is the same as an end.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}

/// Sends one bodyless request for this target, with these fields, and returns the answer's bytes.
pub(crate) async fn request(address: SocketAddr, method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n{fields}\r\n");
    exchange(address, head.as_bytes()).await
}

/// The status code of an answer's bytes; 0 if there was no answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Sends these bytes, closes the sending half, reads until the gateway closes, and returns what came.
pub(crate) async fn exchange_half_closed(address: SocketAddr, bytes: &[u8]) -> String {
    within("the gateway to close", async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
}
