//! The load of the soak test: what honest, refused, slow and rude clients do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::world::{Figures, Surroundings};
use crate::support::{Call, Http2, Process};

/// One client's surroundings.
#[derive(Clone)]
struct Client {
    address: SocketAddr,
    around: Arc<Surroundings>,
    figures: Arc<Figures>,
    end: Instant,
}

/// Starts all clients.
pub(super) fn start(
    process: &Process,
    around: &Arc<Surroundings>,
    figures: &Arc<Figures>,
    end: Instant,
) -> JoinSet<()> {
    let client = Client { address: process.address, around: Arc::clone(around), figures: Arc::clone(figures), end };
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        tasks.spawn(client.clone().keeps_connections());
    }
    for _ in 0..2 {
        tasks.spawn(client.clone().multiplexes());
        tasks.spawn(client.clone().uploads());
        tasks.spawn(client.clone().dawdles());
        tasks.spawn(client.clone().breaks_off());
        tasks.spawn(client.clone().talks_over_websockets());
    }
    tasks.spawn(async move {
        while Instant::now() < client.end {
            tokio::time::sleep(Duration::from_secs(1)).await;
            client.around.mint();
        }
    });
    tasks
}

impl Client {
    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    /// A caller, what it is called, and what it may get.
    fn caller(&self) -> (&'static str, Option<String>, &'static [u16]) {
        match fastrand::u8(..10) {
            0..6 => ("Jane", Some(self.around.jane()), self.around.permitted()),
            6 => ("John", Some(self.around.john()), &[401]),
            // While the key server can't be asked, it might be a key that was published just now.
            7 => ("forged", Some(self.around.forged()), &[401, 503]),
            8 => ("garbage", Some("a.b.c".to_owned()), &[401]),
            _ => ("nobody", None, &[401]),
        }
    }

    /// What Jane may get: of before or after, since trouble may begin or end while she waits.
    fn widened(&self, kind: &str, before: &'static [u16]) -> &'static [u16] {
        let after = self.around.permitted();
        if kind == "Jane" && after.len() > before.len() { after } else { before }
    }

    async fn keeps_connections(self) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        while self.goes_on() {
            let (kind, token, expected) = self.caller();
            let field = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
            let request = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\n{field}\r\n");
            let status = exchange(&mut stream, request.as_bytes()).await;
            self.figures.answer(kind, status, self.widened(kind, expected));
            if status.is_none() {
                stream = TcpStream::connect(self.address).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn multiplexes(self) {
        while self.goes_on() {
            let http2 = Http2::connect(self.address).await;
            for _ in 0..50 {
                let calls = (0..10).map(|_| async {
                    let (kind, token, expected) = self.caller();
                    let call = Call::get("/v1/x");
                    let call = token.map_or(call.clone(), |token| call.bearer(&token));
                    let status = http2.send(&call).await.code();
                    self.figures.answer(kind, Some(status), self.widened(kind, expected));
                });
                join_all(calls).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    async fn uploads(self) {
        let body = vec![b'x'; 256 << 10];
        while self.goes_on() {
            let (name, token, expected) = self.caller();
            let kind = if name == "Jane" { "upload" } else { "refused upload" };
            let field = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
            let head = format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{field}Content-Length: {}\r\n\r\n", body.len());
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let status = exchange(&mut stream, &[head.as_bytes(), &body].concat()).await;
            self.figures.answer(kind, status, self.widened(name, expected));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends half a head, or half a body, and waits to be dropped.
    async fn dawdles(self) {
        while self.goes_on() {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let token = self.around.jane();
            let whole = format!(
                "POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\nhalf"
            );
            let part = fastrand::usize(..=whole.len());
            let _ = stream.write_all(&whole.as_bytes()[..part]).await;
            let ended = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut Vec::new())).await;
            self.figures.event(if ended.is_ok() { "slow clients dropped" } else { "slow clients kept" });
            self.figures.answer("slow", Some(if ended.is_ok() { 408 } else { 0 }), &[408]);
        }
    }

    /// Sends a request and goes away, at any moment of it.
    async fn breaks_off(self) {
        while self.goes_on() {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let request =
                format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", self.around.jane());
            let part = fastrand::usize(..=request.len() * 2).min(request.len());
            let _ = stream.write_all(&request.as_bytes()[..part]).await;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..10))).await;
            self.figures.event("connections broken off");
        }
    }

    async fn talks_over_websockets(self) {
        while self.goes_on() {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let expected = self.around.permitted();
            let request = format!(
                "GET /v1/ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.around.jane()
            );
            let status = exchange(&mut stream, request.as_bytes()).await;
            let opened = status.map(|status| if status == 101 { 200 } else { status });
            self.figures.answer("websocket", opened, self.widened("Jane", expected));
            for _ in 0..fastrand::usize(..20) {
                let mut echo = [0; 5];
                let talk = async {
                    stream.write_all(b"hello").await?;
                    stream.read_exact(&mut echo).await
                };
                if !matches!(tokio::time::timeout(Duration::from_secs(5), talk).await, Ok(Ok(_))) {
                    break;
                }
                self.figures.event("websocket messages");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Sends a request and reads its answer to the end, as far as it is plainly framed; `None` if the connection ended.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<u16> {
    let work = async {
        // A refused upload is answered before it is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        loop {
            let read = stream.read(&mut part).await.ok()?;
            if read == 0 {
                return None;
            }
            answer.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let status = head.get(9..12)?.parse().ok()?;
            let length = head
                .split("\r\ncontent-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
            let whole = match length {
                _ if status == 101 => true,
                Some(length) => body.len() >= length,
                None => body.ends_with("0\r\n\r\n"),
            };
            if whole {
                return Some(status);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), work).await.ok().flatten()
}
