//! How long a client may take nothing of its response.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Fails writes that make no progress for too long. hyper has no such timer, and would wait for a client that never
/// reads.
#[derive(Debug)]
pub(crate) struct WriteTimeout {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl WriteTimeout {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    /// Passes on the result of a write, or fails it when writes have been pending for too long.
    pub(crate) fn check(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        let deadline = Instant::now() + self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_may_wait_but_not_for_ever() {
        let start = Instant::now();
        let mut timeout = WriteTimeout::new(Duration::from_secs(5));
        let result = std::future::poll_fn(|cx| timeout.check(Poll::Pending, cx)).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 5);
        let written = std::future::poll_fn(|cx| timeout.check(Poll::Ready(Ok(1)), cx)).await;
        assert_eq!(written.unwrap(), 1);
    }
}
