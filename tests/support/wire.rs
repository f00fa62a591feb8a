//! A backend that keeps every byte it gets and answers with bytes that it was told, right ones or wrong ones.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A running backend; it stops when it is dropped.
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

struct State {
    bytes: Vec<u8>,
    answer: Vec<u8>,
    close: bool,
}

impl Wire {
    /// A backend that answers `200 ok`.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
        let state = Arc::new(Mutex::new(State { bytes: Vec::new(), answer, close: false }));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, accepting }
    }

    /// Answers like this from now on; and closes the connection then, or not.
    pub(crate) fn answer(&self, bytes: &[u8], close: bool) {
        let mut state = self.state.lock().unwrap();
        (state.answer, state.close) = (bytes.to_vec(), close);
    }

    /// `http://127.0.0.1:{port}`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.state.lock().unwrap().bytes)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut request = Vec::new();
    let mut part = [0; 16 << 10];
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        state.lock().unwrap().bytes.extend_from_slice(&part[..read]);
        request.extend_from_slice(&part[..read]);
        if !is_whole(&request) {
            continue;
        }
        request.clear();
        let (answer, close) = {
            let state = state.lock().unwrap();
            (state.answer.clone(), state.close)
        };
        if stream.write_all(&answer).await.is_err() || close {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// Whether a request has come to its end. The gateway's are framed plainly.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("\r\ntransfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
