//! How services reach the connection that a request came by.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::guard::Refused;

/// What services may do to the connection that a request came by.
///
/// They send interim responses (1xx): hyper's server has no call for them. It asks the stream to flush whenever it has
/// nothing left to write of earlier responses, and that is where they go out; what didn't get out before the final
/// response is dropped. And they ask it to linger when it closes with a part of a request unread: closed at once, the
/// kernel would answer what still comes with a reset, and the client might never read why it was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: usize,
    waker: Option<Waker>,
    linger: bool,
    tunnel: bool,
    refused: Option<Refused>,
}

impl Handle {
    /// Queues a response's head, and wakes the connection.
    pub(crate) fn send(&self, head: &[u8]) {
        let waker = {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.bytes.extend_from_slice(head);
            queue.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Reads on for a while after the last response, before the connection is closed.
    pub(crate) fn linger(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).linger = true;
    }

    /// Lets bytes pass unjudged from now on: the client and the upstream agreed on another protocol.
    pub(crate) fn tunnel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tunnel = true;
    }

    /// Why the request at hand was not let through, if it stands for one that was not.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused
    }

    /// Drops what hasn't begun to go out, since the final response comes now.
    pub(crate) fn close(&self) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.written == 0 {
            queue.bytes.clear();
        }
    }
}

impl Handle {
    pub(super) fn is_tunnel(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tunnel
    }

    pub(super) fn refuse(&self, refused: Refused) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.refused, state.linger) = (Some(refused), true);
    }

    pub(super) fn lingers(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).linger
    }

    /// Writes what is queued, by `write`.
    pub(super) fn poll_interim(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.waker = Some(cx.waker().clone());
        while state.written < state.bytes.len() {
            let written = ready!(write(cx, &state.bytes[state.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            state.written += written;
        }
        state.bytes.clear();
        state.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Whether a response is half written: nothing else may come in between.
    pub(super) fn is_underway(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).written > 0
    }
}
