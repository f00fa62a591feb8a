//! An upstream that answers with the very bytes it is told, when it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::within;

/// What it does for a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes these bytes, in one segment.
    Send(Vec<u8>),
    /// Lets time pass.
    Wait(Duration),
    /// Closes the connection.
    Close,
}

impl Step {
    pub(crate) fn send(bytes: &str) -> Self {
        Self::Send(bytes.as_bytes().to_vec())
    }
}

/// A running one; it stops when it is dropped.
pub(crate) struct Scripted {
    address: SocketAddr,
    /// The number of its connection and its target, of each request that arrived.
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    /// Their heads.
    heads: Arc<Mutex<Vec<String>>>,
    done: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Scripted {
    /// An upstream that does for each request what `script` says for its target.
    pub(crate) async fn start(script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&heads);
        let (shared, script) = (Arc::clone(&seen), Arc::new(script));
        let (sender, done) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                let heads = Arc::clone(&heard);
                let script = move |target: &str, head: &str| {
                    seen.lock().unwrap().push((number, target.to_owned()));
                    heads.lock().unwrap().push(head.to_owned());
                    script(target)
                };
                connections.spawn(serve(stream, script, sender.clone()));
                number += 1;
            }
        });
        Self { address, seen, heads, done, accepting }
    }

    /// `http://127.0.0.1:{port}`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it has done all that the script says for so many requests.
    pub(crate) async fn done(&self, requests: usize) {
        within("the script's end", self.done.clone().wait_for(|done| *done >= requests)).await.unwrap();
    }

    /// The requests so far, each with the number of its connection.
    pub(crate) fn seen(&self) -> Vec<(usize, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// Their heads, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection. What breaks off is the test's doing.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: impl Fn(&str, &str) -> Vec<Step>,
    done: watch::Sender<usize>,
) {
    let mut bytes = Vec::new();
    loop {
        let Some(end) = find(&mut stream, &mut bytes, 0, b"\r\n\r\n").await else { return };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let target = head.split(' ').nth(1).unwrap_or_default();
        // `/v1/early` is answered before the request's body has come.
        let whole = match head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok()) {
            _ if target.starts_with("/v1/early") => end,
            Some(length) => end + length,
            None if head.contains("\r\ntransfer-encoding: chunked\r\n") => {
                match find(&mut stream, &mut bytes, end, b"\r\n0\r\n\r\n").await {
                    Some(end) => end,
                    None => return,
                }
            }
            None => end,
        };
        while bytes.len() < whole {
            match stream.read_buf(&mut bytes).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
        bytes.drain(..whole);
        let mut closed = false;
        for step in script(target, &head) {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Close => closed = true,
            }
        }
        if closed {
            drop(stream);
            done.send_modify(|done| *done += 1);
            return;
        }
        done.send_modify(|done| *done += 1);
    }
}

/// Reads until `mark` has come behind `from`; where it ends.
async fn find(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>, from: usize, mark: &[u8]) -> Option<usize> {
    loop {
        if let Some(at) = bytes[from..].windows(mark.len()).position(|part| part == mark) {
            return Some(from + at + mark.len());
        }
        stream.read_buf(bytes).await.ok().filter(|read| *read > 0)?;
    }
}
