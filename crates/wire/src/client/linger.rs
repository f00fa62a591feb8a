//! Reading on before a connection is closed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use crate::io::Socket;

/// How long, and for how many bytes, a connection lingers.
const TIME: Duration = Duration::from_secs(2);
const BYTES: usize = 16 << 20;

/// Reads and drops what a client still sends after its last response. If the socket were closed with bytes unread, the
/// kernel would send a reset, and the client might lose the response.
#[derive(Debug)]
pub(super) struct Linger {
    sleep: Pin<Box<Sleep>>,
    left: usize,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(TIME)), left: BYTES }
    }

    /// Ready once the client has closed, or the time or the bytes are used up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, socket: &mut Socket) -> Poll<()> {
        let mut scratch = [0; 8192];
        while self.left > 0 && self.sleep.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => self.left = self.left.saturating_sub(buf.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
