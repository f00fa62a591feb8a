//! The interim responses that wait to be written.

use std::io;
use std::task::{Context, Poll, ready};

use super::states::{AtomicState, Interim};

/// How many bytes may wait.
const MAX_QUEUED: usize = 32 << 10;

/// The heads of interim responses, and how much of them is written.
#[derive(Debug, Default)]
pub(super) struct InterimQueue {
    bytes: Vec<u8>,
    written: usize,
}

impl InterimQueue {
    /// Adds a head. Returns `false`, and leaves it out, if too many bytes wait: a client doesn't need interim
    /// responses, and they don't pile up for one that doesn't read.
    pub(super) fn push(&mut self, head: &[u8]) -> bool {
        let fits = self.bytes.len() + head.len() <= MAX_QUEUED;
        if fits {
            self.bytes.extend_from_slice(head);
        }
        fits
    }

    /// Drops all, unless a part is written: then the rest has to follow.
    pub(super) fn drop_unwritten(&mut self) {
        if self.written == 0 {
            self.bytes.clear();
        }
    }

    /// Writes all with `write`, and keeps `state`.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        state: &AtomicState<Interim>,
        mut write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let written = ready!(write(cx, &self.bytes[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            state.update(Interim::begin);
        }
        self.bytes.clear();
        self.written = 0;
        if state.load().is_underway() {
            state.update(Interim::end);
        }
        Poll::Ready(Ok(()))
    }
}
