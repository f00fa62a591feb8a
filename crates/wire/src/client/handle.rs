//! The handle by which services reach the connection that a request came by.

use std::hash::{Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::interim_queue::InterimQueue;
use super::states::{AtomicState, Ending, Interim, Upgrade};
use crate::http1::Refused;

/// How long a connection is held back after a request was turned away, at first and at most. It delays the next request
/// that is admitted on the connection, so it stays short.
const HOLD: Duration = Duration::from_millis(20);
const LONGEST_HOLD: Duration = Duration::from_millis(160);

/// What services may do with the connection that a request came by.
///
/// They send interim responses (1xx), for which hyper's server has no call. hyper flushes the stream whenever it has
/// nothing left to write, and interim responses go out then; those that are still queued when the final response comes
/// are dropped. They make the connection linger when it closes with a part of a request unread: if it closed at once,
/// the kernel would answer the rest with a reset, and the client might never read the refusal. They hold a connection
/// back whose requests are turned away, and they switch it to another protocol.
#[derive(Clone, Debug, Default)]
pub struct Handle(Arc<Shared>);

/// Tells one client connection from another, even after that one is gone.
#[derive(Clone, Debug)]
pub struct ConnectionId(Weak<Shared>);

impl ConnectionId {
    /// The connection, unless it is gone.
    pub(crate) fn handle(&self) -> Option<Handle> {
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

/// States that every byte looks at are read without the lock. What must change together with the queue is changed
/// under it.
#[derive(Debug, Default)]
struct Shared {
    /// How many requests are in flight.
    busy: AtomicU32,
    /// How many responses over HTTP/2 aren't fully written yet.
    unwritten: AtomicUsize,
    /// How many requests in a row were turned away.
    turned_away: AtomicU32,
    /// Whether every request over HTTP/1.1 got its response, as far as the stream can see, and the stream holds no
    /// bytes.
    settled: AtomicBool,
    /// Whether the next response is to be the last.
    leaving: AtomicBool,
    /// Whether nothing is read until `State::held_until`. It changes under the lock.
    held_back: AtomicBool,
    /// It changes under the lock, together with the queue.
    interim: AtomicState<Interim>,
    /// Whether something came behind the request that passed last. It changes under the lock.
    ahead: AtomicBool,
    /// It changes under the lock, together with `ahead`.
    upgrade: AtomicState<Upgrade>,
    ending: AtomicState<Ending>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: InterimQueue,
    /// The connection's task.
    waker: Option<Waker>,
    /// Why the guard refused what came.
    refused: Option<Refused>,
    held_until: Option<Instant>,
}

/// A request in flight, until its response's body has ended.
#[derive(Debug)]
pub struct Busy(Handle);

impl Busy {
    /// Whether its response is to be the connection's last.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.0.0.leaving.load(Ordering::Acquire)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What services do.
impl Handle {
    /// The connection's identity.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        ConnectionId(Arc::downgrade(&self.0))
    }

    /// Whether nothing is under way on an HTTP/1.1 connection, in either direction, and all that came was read.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.0.settled.load(Ordering::Acquire)
            && !self.is_busy()
            && self.0.upgrade.load() == Upgrade::None
            && self.0.ending.load() == Ending::AtOnce
            && !self.is_held_back()
    }

    /// Counts a request that is in flight until the returned value is dropped.
    #[must_use]
    pub fn begin(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// Whether a request is in flight, or a response isn't fully written.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.is_busy() || self.0.unwritten.load(Ordering::Acquire) > 0
    }

    /// Makes the next response over HTTP/1.1 the last.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Release);
    }

    /// Lets interim responses be sent, until [`Handle::close_interim`].
    pub fn open_interim(&self) {
        let _state = self.0.lock();
        self.0.interim.update(Interim::open);
    }

    /// Queues the head of an interim response, and wakes the connection. Returns whether one may be sent now.
    #[must_use]
    pub fn send_interim(&self, head: &[u8]) -> bool {
        let waker = {
            let mut state = self.0.lock();
            if !self.0.interim.load().is_open() {
                return false;
            }
            if !state.queue.push(head) {
                return true;
            }
            state.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Drops the interim responses that haven't begun to go out, since the final response comes now.
    pub fn close_interim(&self) {
        let mut state = self.0.lock();
        self.0.interim.update(Interim::close);
        state.queue.drop_unwritten();
    }

    /// Makes the connection read on for a while after its last response, before it closes.
    pub fn linger(&self) {
        self.0.ending.update(Ending::linger);
    }

    /// Stops reading for a while, since a request was turned away for lack of room: a client that tries again at once
    /// would take time from the requests that were admitted. The while doubles each time until [`Handle::admit`].
    pub fn hold_back(&self) {
        let before = self.0.turned_away.fetch_add(1, Ordering::Relaxed);
        let hold = HOLD.saturating_mul(1 << before.min(16)).min(LONGEST_HOLD);
        let mut state = self.0.lock();
        state.held_until = Some(Instant::now() + hold);
        self.0.held_back.store(true, Ordering::Release);
    }

    /// Notes that a request was admitted.
    pub fn admit(&self) {
        if self.0.turned_away.load(Ordering::Relaxed) > 0 {
            self.0.turned_away.store(0, Ordering::Relaxed);
            self.read_on();
        }
    }

    /// Notes that the client asks for another protocol. Returns `false`, and notes nothing, if it already sent more
    /// than the request that asks.
    #[must_use]
    pub fn begin_upgrade(&self) -> bool {
        let _state = self.0.lock();
        let ahead = self.0.ahead.load(Ordering::Acquire);
        if !ahead {
            self.0.upgrade.update(Upgrade::ask);
        }
        !ahead
    }

    /// Ends an upgrade that was asked for and not agreed to.
    pub fn end_upgrade(&self) {
        let _state = self.0.lock();
        self.0.upgrade.update(Upgrade::decline);
    }

    /// Lets bytes pass unchecked from now on, since client and upstream agreed on another protocol. Returns `false`,
    /// and changes nothing, if the client didn't wait for that.
    #[must_use]
    pub fn tunnel(&self) -> bool {
        let _state = self.0.lock();
        let waited = !self.0.ahead.load(Ordering::Acquire) && self.0.upgrade.load() != Upgrade::AskedEarly;
        if waited {
            self.0.upgrade.store(Upgrade::Agreed);
        }
        waited
    }

    /// Why the guard refused what came, if it did. The request at hand may stand in for it.
    #[must_use]
    pub fn refused(&self) -> Option<Refused> {
        if self.0.ending.load() == Ending::Refused { self.0.lock().refused } else { None }
    }
}

/// What the connection's stream does.
impl Handle {
    /// Notes that bytes came. Returns whether they may pass unchecked.
    pub(super) fn note_read(&self) -> bool {
        if self.0.upgrade.load() == Upgrade::Asked {
            let _state = self.0.lock();
            if self.0.upgrade.load() == Upgrade::Asked {
                self.0.upgrade.store(Upgrade::AskedEarly);
            }
        }
        self.0.upgrade.load() == Upgrade::Agreed
    }

    /// Whether the client need not send anything now: a request is in flight, another protocol is spoken, or nothing is
    /// read.
    pub(super) fn may_be_silent(&self) -> bool {
        self.is_busy() || self.0.upgrade.load() == Upgrade::Agreed || self.is_held_back()
    }

    /// Notes whether something came behind the request that passed last.
    pub(super) fn set_ahead(&self, ahead: bool) {
        let _state = self.0.lock();
        self.0.ahead.store(ahead, Ordering::Release);
    }

    /// Notes that the guard refused what came.
    pub(super) fn refuse(&self, refused: Refused) {
        let mut state = self.0.lock();
        state.refused = Some(refused);
        self.0.ending.store(Ending::Refused);
    }

    pub(super) fn set_settled(&self, settled: bool) {
        self.0.settled.store(settled, Ordering::Release);
    }

    pub(super) fn set_unwritten(&self, responses: usize) {
        self.0.unwritten.store(responses, Ordering::Release);
    }

    /// Whether a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) > 0
    }

    fn is_held_back(&self) -> bool {
        self.0.held_back.load(Ordering::Acquire)
    }

    /// Until when nothing is read, if the connection is held back.
    pub(super) fn held_until(&self) -> Option<Instant> {
        if self.is_held_back() { self.0.lock().held_until } else { None }
    }

    /// Reads again from now on.
    pub(super) fn read_on(&self) {
        let _state = self.0.lock();
        self.0.held_back.store(false, Ordering::Release);
    }

    pub(super) fn lingers(&self) -> bool {
        self.0.ending.load() != Ending::AtOnce
    }

    /// Whether an interim response is half written: nothing else may come in between.
    pub(super) fn is_underway(&self) -> bool {
        self.0.interim.load().is_underway()
    }

    /// Writes the interim responses that are queued, with `write`.
    pub(super) fn poll_interim(
        &self,
        cx: &mut Context<'_>,
        write: impl FnMut(&mut Context<'_>, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        // The queue is empty then: what it held was dropped or written.
        if self.0.interim.load() == Interim::Closed {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.0.lock();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        state.queue.poll_write(cx, &self.0.interim, write)
    }
}
