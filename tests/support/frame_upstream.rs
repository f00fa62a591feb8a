//! An HTTP/2 upstream that answers with the very frames it is told, when it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::Step;
use super::h2::{DATA, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, frame};

/// A running one; it stops when it is dropped.
pub(crate) struct FrameUpstream {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

/// A frame of a stream that came, or the end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Request,
    Data(Vec<u8>),
    EndStream,
    Reset(u32),
    Closed,
}

impl FrameUpstream {
    /// An upstream that does for each request, once its head has come, what `script` says for its stream.
    pub(crate) async fn start(script: impl Fn(u32) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, script) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::new(script));
        let shared = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                connections.spawn(async move {
                    serve(stream, &*script, &seen).await;
                    seen.lock().unwrap().push(Seen::Closed);
                });
            }
        });
        Self { url, seen, accepting }
    }

    /// `http://127.0.0.1:{port}`.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for FrameUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection, until it ends or the script closes it.
async fn serve(mut stream: TcpStream, script: &impl Fn(u32) -> Vec<Step>, seen: &Mutex<Vec<Seen>>) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    stream.read_exact(&mut [0; 24]).await.ok()?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await.ok()?;
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let note = |what| seen.lock().unwrap().push(what);
        match kind {
            SETTINGS | PING if flags & 1 == 0 => {
                let payload = if kind == PING { &payload[..] } else { &[] };
                stream.write_all(&frame(kind, 1, 0, payload)).await.ok()?;
            }
            RST_STREAM => note(Seen::Reset(u32::from_be_bytes(payload.clone().try_into().ok()?))),
            DATA if !payload.is_empty() => note(Seen::Data(payload)),
            HEADERS => note(Seen::Request),
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            note(Seen::EndStream);
        }
        let steps = if kind == HEADERS { script(id) } else { Vec::new() };
        for step in steps {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes).await.ok()?,
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Close => {
                    let _ = stream.shutdown().await;
                    return None;
                }
            }
        }
    }
}
