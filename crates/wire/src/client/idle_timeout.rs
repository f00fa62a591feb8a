//! How long a client may send no request.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::io::LazyTimer;

/// Fails a connection over HTTP/1.1 on which no request comes for too long. hyper has such a timer, and makes a new one
/// for each request.
#[derive(Debug)]
pub(super) struct IdleTimeout {
    limit: Duration,
    /// How many heads had come when the timer was set.
    heads: u64,
    timer: LazyTimer,
}

impl IdleTimeout {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, heads: 0, timer: LazyTimer::default() }
    }

    /// Ready with an error when the time is up. It starts anew with each of the `heads`, and stops while the connection
    /// is `exempt`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, heads: u64, exempt: bool) -> Poll<io::Result<()>> {
        if exempt {
            self.timer.clear();
            return Poll::Pending;
        }
        if !self.timer.is_set() || self.heads != heads {
            self.heads = heads;
            self.timer.set(Instant::now() + self.limit);
        }
        self.timer.poll_passed(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
