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

/// For how many periods nothing may be written to a client that can't be probed.
const QUIET_PERIODS: u32 = 20;

/// A client that didn't ask for it may discard it (RFC 9110 section 15.2.1).
const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Tells a client that sent its last request and waits for the response from one that is gone.
///
/// Both look alike until something is written to them: the system of a client that is gone answers with a reset. So an
/// interim response is written from time to time while the upstream works on the final one. If that has begun already,
/// or the client knows no interim responses, the bytes of the response take their place. If none are written either,
/// the client counts as gone in the end.
#[derive(Debug)]
pub(super) struct HalfClosed {
    sleep: Pin<Box<Sleep>>,
    written: u64,
    quiet: u32,
}

impl HalfClosed {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(PERIOD)), written: 0, quiet: 0 }
    }

    /// Ready once the client is gone. `written` is how many bytes were written to it so far.
    pub(super) fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Socket,
        handle: &Handle,
        written: u64,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if let Some(error) = socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            let alive = handle.send_interim(PROBE) || written != self.written;
            (self.written, self.quiet) = (written, if alive { 0 } else { self.quiet + 1 });
            if self.quiet == QUIET_PERIODS {
                return Poll::Ready(Ok(()));
            }
            self.sleep.as_mut().reset(Instant::now() + PERIOD);
        }
    }
}
