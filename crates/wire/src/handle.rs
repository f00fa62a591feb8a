//! How services reach the connection that a request came by.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::flags::{AGREED, AHEAD, ASKED, EARLY, HELD_BACK, LEAVING, LINGER, OPEN, REFUSED, UNDERWAY};
use super::guard::Refused;

/// How many bytes of interim responses may wait.
const MAX_QUEUED: usize = 32 << 10;

/// How long a connection is held back after a request was turned away, at first and at most: it is a part of the latency
/// of whoever is admitted after that.
const HOLD: Duration = Duration::from_millis(20);
const LONGEST_HOLD: Duration = Duration::from_millis(160);

/// What services may do to the connection that a request came by.
///
/// They send interim responses (1xx): hyper's server has no call for them. It asks the stream to flush whenever it has
/// nothing left to write of earlier responses, and that is where they go out; what didn't get out before the final
/// response is dropped. And they ask it to linger when it closes with a part of a request unread: closed at once, the
/// kernel would answer what still comes with a reset, and the client might never read why it was refused.
#[derive(Clone, Debug, Default)]
pub struct Handle(Arc<Shared>);

/// Tells one connection of a client from another, even when that one is gone.
#[derive(Clone, Debug)]
pub struct ConnectionId(Weak<Shared>);

impl ConnectionId {
    /// The connection, unless it is gone.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.0.upgrade().map(Handle)
    }
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

/// What is looked at with every byte that moves takes no lock; what changes rarely is changed under one.
#[derive(Debug, Default)]
struct Shared {
    /// How many requests are being answered.
    busy: AtomicUsize,
    /// How many answers over HTTP/2 aren't written yet.
    answering: AtomicUsize,
    /// Whether all that was asked over HTTP/1.1 was answered, as far as the stream can tell, and nothing waits in it.
    settled: AtomicBool,
    /// How many requests in a row were turned away.
    turned_away: AtomicU32,
    /// What goes with the state is changed under its lock.
    flags: AtomicU16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: usize,
    waker: Option<Waker>,
    refused: Option<Refused>,
    held_until: Option<Instant>,
}

/// A request that is being answered, until its answer's body has ended.
#[derive(Debug)]
pub struct Busy(Handle);

impl Busy {
    /// Whether its answer is to be the last.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.0.0.has(LEAVING)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn has(&self, flag: u16) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    fn set(&self, flag: u16, on: bool) {
        if on {
            self.flags.fetch_or(flag, Ordering::AcqRel);
        } else {
            self.flags.fetch_and(!flag, Ordering::AcqRel);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// What tells the connection from others.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        ConnectionId(Arc::downgrade(&self.0))
    }

    /// Whether nothing is under way on an HTTP/1.1 connection, in either direction, and all that came was read.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.0.settled.load(Ordering::Acquire) && !self.is_busy() && !self.0.has(ASKED | AGREED | LINGER | HELD_BACK)
    }

    /// Notes that a request is being answered.
    #[must_use]
    pub fn begin(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// Whether anything is left to do for the client.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.is_busy() || self.0.answering.load(Ordering::Acquire) > 0
    }

    /// Notes that an HTTP/1.1 connection is to end.
    pub fn leave(&self) {
        let _state = self.0.lock();
        self.0.set(LEAVING, true);
    }

    /// Lets interim responses be sent from now on, until [`Handle::close`].
    pub fn open(&self) {
        let _state = self.0.lock();
        self.0.set(OPEN, true);
    }

    /// Queues an interim response's head, and wakes the connection; whether one may be sent now.
    #[must_use]
    pub fn send(&self, head: &[u8]) -> bool {
        let waker = {
            let mut queue = self.0.lock();
            if !self.0.has(OPEN) {
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
    pub fn linger(&self) {
        let _state = self.0.lock();
        self.0.set(LINGER, true);
    }

    /// Reads nothing for a while, since a request was turned away for want of room: a client that asks again at once would
    /// take the time of those that were admitted. The while doubles each time until [`Handle::admit`].
    pub fn hold_back(&self) {
        let before = self.0.turned_away.fetch_add(1, Ordering::Relaxed);
        let hold = HOLD.saturating_mul(1 << before.min(16)).min(LONGEST_HOLD);
        self.0.lock().held_until = Some(Instant::now() + hold);
        self.0.set(HELD_BACK, true);
    }

    /// Notes that a request was admitted.
    pub fn admit(&self) {
        if self.0.turned_away.load(Ordering::Relaxed) > 0 {
            self.0.turned_away.store(0, Ordering::Relaxed);
            self.read_on();
        }
    }

    /// Notes that another protocol is asked for; whether nothing came behind the request that asks.
    #[must_use]
    pub fn begin_upgrade(&self) -> bool {
        let _state = self.0.lock();
        let ahead = self.0.has(AHEAD);
        if !ahead {
            self.0.set(ASKED, true);
        }
        !ahead
    }

    /// Forgets an upgrade that was asked for and not agreed to.
    pub fn end_upgrade(&self) {
        let _state = self.0.lock();
        if self.0.has(ASKED) {
            self.0.set(ASKED | EARLY, false);
        }
    }

    /// Lets bytes pass unjudged from now on, since client and upstream agreed on another protocol; not if the client
    /// didn't wait for that.
    #[must_use]
    pub fn tunnel(&self) -> bool {
        let _state = self.0.lock();
        let ahead = self.0.has(AHEAD | EARLY);
        if !ahead {
            self.0.set(ASKED, false);
            self.0.set(AGREED, true);
        }
        !ahead
    }

    /// Notes that bytes came; whether they may pass unjudged.
    pub(super) fn note_read(&self) -> bool {
        if self.0.has(ASKED) {
            let _state = self.0.lock();
            if self.0.has(ASKED) {
                self.0.set(EARLY, true);
            }
        }
        self.0.has(AGREED)
    }

    /// Whether a request is being answered, another protocol was agreed on, or nothing is read: then silence is the client's
    /// right.
    pub(super) fn may_be_silent(&self) -> bool {
        self.is_busy() || self.0.has(AGREED | HELD_BACK)
    }

    /// Notes whether something came behind the request that passed last.
    pub(super) fn set_ahead(&self, ahead: bool) {
        let _state = self.0.lock();
        self.0.set(AHEAD, ahead);
    }

    /// Why the request at hand was not let through, if it stands for one that was not.
    #[must_use]
    pub fn refused(&self) -> Option<Refused> {
        if self.0.has(REFUSED) { self.0.lock().refused } else { None }
    }

    /// Drops what hasn't begun to go out, since the final response comes now.
    pub fn close(&self) {
        let mut queue = self.0.lock();
        self.0.set(OPEN, false);
        if queue.written == 0 {
            queue.bytes.clear();
        }
    }
}

impl Handle {
    pub(super) fn refuse(&self, refused: Refused) {
        self.0.lock().refused = Some(refused);
        self.0.set(REFUSED | LINGER, true);
    }

    pub(super) fn set_settled(&self, settled: bool) {
        self.0.settled.store(settled, Ordering::Release);
    }

    pub(super) fn set_answering(&self, answering: usize) {
        self.0.answering.store(answering, Ordering::Release);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) > 0
    }

    /// Until when nothing is read, if so.
    pub(super) fn held_until(&self) -> Option<Instant> {
        if self.0.has(HELD_BACK) { self.0.lock().held_until } else { None }
    }

    /// Reads again from now on.
    pub(super) fn read_on(&self) {
        let _state = self.0.lock();
        self.0.set(HELD_BACK, false);
    }

    pub(super) fn lingers(&self) -> bool {
        self.0.has(LINGER)
    }

    /// Writes what is queued, by `write`.
    pub(super) fn poll_interim(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        // What is queued is dropped when it is closed, but for the rest of what is half written.
        if !self.0.has(OPEN | UNDERWAY) {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.0.lock();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        while state.written < state.bytes.len() {
            let written = ready!(write(cx, &state.bytes[state.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            state.written += written;
            self.0.set(UNDERWAY, true);
        }
        state.bytes.clear();
        state.written = 0;
        if self.0.has(UNDERWAY) {
            self.0.set(UNDERWAY, false);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a response is half written: nothing else may come in between.
    pub(super) fn is_underway(&self) -> bool {
        self.0.has(UNDERWAY)
    }
}
