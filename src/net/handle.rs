//! How services reach the connection that a request came by.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use super::guard::Refused;

/// How many bytes of interim responses may wait.
const MAX_QUEUED: usize = 32 << 10;

/// What services may do to the connection that a request came by.
///
/// They send interim responses (1xx): hyper's server has no call for them. It asks the stream to flush whenever it has
/// nothing left to write of earlier responses, and that is where they go out; what didn't get out before the final
/// response is dropped. And they ask it to linger when it closes with a part of a request unread: closed at once, the
/// kernel would answer what still comes with a reset, and the client might never read why it was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle(Arc<Shared>);

/// Tells one connection of a client from another, even when that one is gone.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionId(Weak<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Whether all that was asked over HTTP/1.1 was answered, as far as the stream can tell, and nothing waits in it.
    settled: AtomicBool,
}

impl PartialEq for ConnectionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for ConnectionId {}

impl Hash for ConnectionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

/// How far a switch of protocols is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Switch {
    #[default]
    None,
    Asked,
    Agreed,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: usize,
    waker: Option<Waker>,
    /// Whether the final response is still to come, so that interim ones may be sent.
    open: bool,
    /// How many requests are being answered.
    busy: usize,
    /// How many answers over HTTP/2 aren't written yet.
    answering: usize,
    linger: bool,
    ahead: bool,
    switch: Switch,
    refused: Option<Refused>,
}

/// A request that is being answered, until its answer's body has ended.
#[derive(Debug)]
pub(crate) struct Busy(Handle);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
    }
}

impl Handle {
    /// What tells the connection from others.
    pub(crate) fn id(&self) -> ConnectionId {
        ConnectionId(Arc::downgrade(&self.0))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is under way on an HTTP/1.1 connection, in either direction.
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = self.lock();
        self.0.settled.load(Ordering::Acquire) && state.busy == 0 && state.switch == Switch::None && !state.linger
    }

    /// Notes that a request is being answered.
    pub(crate) fn begin(&self) -> Busy {
        self.lock().busy += 1;
        Busy(self.clone())
    }

    /// Whether anything is left to do for the client.
    pub(crate) fn is_in_use(&self) -> bool {
        let state = self.lock();
        state.busy + state.answering > 0
    }

    /// Lets interim responses be sent from now on, until [`Handle::close`].
    pub(crate) fn open(&self) {
        self.lock().open = true;
    }

    /// Queues an interim response's head, and wakes the connection; whether one may be sent now.
    pub(crate) fn send(&self, head: &[u8]) -> bool {
        let waker = {
            let mut queue = self.lock();
            if !queue.open {
                return false;
            }
            // A client that doesn't read must not have them pile up; each could have been left out.
            if queue.bytes.len() + head.len() > MAX_QUEUED {
                return true;
            }
            queue.bytes.extend_from_slice(head);
            queue.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Reads on for a while after the last response, before the connection is closed.
    pub(crate) fn linger(&self) {
        self.lock().linger = true;
    }

    /// Notes that another protocol is asked for; whether nothing came behind the request that asks.
    pub(crate) fn begin_upgrade(&self) -> bool {
        let mut state = self.lock();
        if !state.ahead {
            state.switch = Switch::Asked;
        }
        !state.ahead
    }

    /// Forgets an upgrade that was asked for and not agreed to.
    pub(crate) fn end_upgrade(&self) {
        let mut state = self.lock();
        if state.switch == Switch::Asked {
            (state.switch, state.ahead) = (Switch::None, false);
        }
    }

    /// Lets bytes pass unjudged from now on, since client and upstream agreed on another protocol; not if the client
    /// didn't wait for that.
    pub(crate) fn tunnel(&self) -> bool {
        let mut state = self.lock();
        if !state.ahead {
            state.switch = Switch::Agreed;
        }
        !state.ahead
    }

    /// Notes that bytes came; whether they may pass unjudged.
    pub(super) fn note_read(&self) -> bool {
        let mut state = self.lock();
        if state.switch == Switch::Asked {
            state.ahead = true;
        }
        state.switch == Switch::Agreed
    }

    /// Whether a request is being answered, or another protocol was agreed on: then silence is the client's right.
    pub(super) fn may_be_silent(&self) -> bool {
        let state = self.lock();
        state.busy > 0 || state.switch == Switch::Agreed
    }

    /// Notes whether something came behind the request that passed last.
    pub(super) fn set_ahead(&self, ahead: bool) {
        let mut state = self.lock();
        state.ahead = ahead || state.switch == Switch::Asked && state.ahead;
    }

    /// Why the request at hand was not let through, if it stands for one that was not.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.lock().refused
    }

    /// Drops what hasn't begun to go out, since the final response comes now.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.open = false;
        if queue.written == 0 {
            queue.bytes.clear();
        }
    }
}

impl Handle {
    pub(super) fn refuse(&self, refused: Refused) {
        let mut state = self.lock();
        (state.refused, state.linger) = (Some(refused), true);
    }

    pub(super) fn set_settled(&self, settled: bool) {
        self.0.settled.store(settled, Ordering::Release);
    }

    pub(super) fn set_answering(&self, answering: usize) {
        self.lock().answering = answering;
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().busy > 0
    }

    pub(super) fn lingers(&self) -> bool {
        self.lock().linger
    }

    /// Writes what is queued, by `write`.
    pub(super) fn poll_interim(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
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
        self.lock().written > 0
    }
}
