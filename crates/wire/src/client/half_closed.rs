//! A client that has closed its half of the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::handle::Handle;
use crate::io::Socket;

/// How often the client is probed.
const PERIOD: Duration = Duration::from_millis(500);

/// How long nothing may be written to a client that can't be probed before its response begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that didn't ask for it may discard it (RFC 9110 section 15.2.1).
const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Tells a client that sent its last request and waits for the response from one that is gone.
///
/// Both look alike until something is written to them: the system of a client that is gone answers with a reset. So an
/// interim response is written from time to time while the upstream works on the final one. If that has begun already,
/// or the client knows no interim responses, the bytes of the response take their place. If none are written either,
/// the client counts as gone: soon if its response has begun, since an event stream may be quiet for hours.
#[derive(Debug)]
pub(super) struct HalfClosed {
    sleep: Pin<Box<Sleep>>,
    /// How long nothing of a response that has begun may be written.
    patience: Duration,
    written: u64,
    quiet_since: Instant,
}

impl HalfClosed {
    pub(super) fn new(patience: Duration, written: u64) -> Self {
        let now = Instant::now();
        Self { sleep: Box::pin(tokio::time::sleep(PERIOD.min(patience))), patience, written, quiet_since: now }
    }

    /// Ready once the client is gone. `written` is how many bytes were written to it so far, and `begun` whether some of
    /// them belong to the response that it waits for.
    pub(super) fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        handle: &Handle,
        written: u64,
        begun: bool,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if let Some(error) = socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            let now = Instant::now();
            if handle.send_interim(PROBE) || written != self.written {
                (self.written, self.quiet_since) = (written, now);
            } else if now - self.quiet_since >= if begun { self.patience } else { PATIENCE } {
                return Poll::Ready(Ok(()));
            }
            self.sleep.as_mut().reset(now + PERIOD);
        }
    }
}
