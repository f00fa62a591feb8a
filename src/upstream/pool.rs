//! The connections kept to one endpoint.
//!
//! HTTP/1.1 doesn't say which request a response belongs to. Bytes that an upstream sends unasked behind a response, before
//! the gateway notices them, would answer the connection's next request. So a connection that was used for one caller rests
//! for a moment before it is used for another, and is looked at before a request is written; and after unasked bytes an
//! endpoint's connections are used once only, for a while. The last look is left out for the same program's next request,
//! by the same connection and token: nobody else can have brought the bytes about.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::time::Instant;

use super::caller::{Caller, User};
use mfa_gateway_core::policy::Proof;
use mfa_gateway_wire::{Body, ConnectionId, LazyTimer, Manner, RawFields, RequestSlot, thread};

/// How many unused HTTP/1.1 connections are kept to one endpoint by a thread.
const MAX_IDLE: usize = 1024;

/// How many threads have connections of their own.
const SHELVES: usize = 32;

/// How long a connection rests between two callers.
const REST: Duration = Duration::from_millis(10);

/// How often closed and outdated connections are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How long connections are used once only, after one was spoilt.
const DISTRUST: Duration = Duration::from_secs(60);

/// The connections kept to one endpoint: those of a thread serve that thread's clients, since another would have to
/// wake this one for every byte.
#[derive(Debug)]
pub(super) struct Pool {
    keep_alive: Duration,
    shelves: [Arc<Shelf>; SHELVES],
}

/// The connections of a thread, or of two that share it where there are many.
#[derive(Debug, Default)]
struct Shelf {
    kept: Mutex<Kept>,
    shared: tokio::sync::Mutex<Shared>,
}

/// The HTTP/2 connection that all requests share, and which one it is.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) sender: Option<http2::SendRequest<Body>>,
    pub(super) number: u64,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the client's connection that they were used for last. A client finds its own without a search.
    idle: HashMap<Option<ConnectionId>, Vec<Idle>, foldhash::fast::RandomState>,
    count: usize,
    /// Whether a task sweeps it.
    is_swept: bool,
    distrusted_until: Option<Instant>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Http1>,
    proof: Option<Arc<Proof>>,
    since: Instant,
}

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Http1 {
    pub(super) sender: http1::SendRequest<Body>,
    pub(super) slot: RequestSlot,
    pub(super) reused: bool,
    /// Whether it was last used for the same caller.
    pub(super) same_caller: bool,
    /// Until when a response must have begun.
    pub(super) deadline: LazyTimer,
}

/// A connection for one request. It is moved often, and stays in its box.
#[derive(Debug)]
pub(super) enum Lease {
    Http1(Box<Http1>),
    Http2 { sender: http2::SendRequest<Body>, number: u64, reused: bool, spare: Option<Box<Request<()>>> },
}

/// What became of a request. It is moved often: its parts stay in their boxes.
pub(super) type Sent = Result<Box<Response<Incoming>>, Box<TrySendError<Request<Body>>>>;

fn boxed(sent: Result<Response<Incoming>, TrySendError<Request<Body>>>) -> Sent {
    sent.map(Box::new).map_err(Box::new)
}

impl Lease {
    /// Whether the connection was used before, so that the other side may have closed it meanwhile.
    pub(super) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.reused,
            Self::Http2 { reused, .. } => *reused,
        }
    }

    /// Announces the request that is sent next, and what is told behind its fields. With `keep` it can be sent once
    /// more, with that among its fields.
    pub(super) fn announce(&mut self, request: &Request<Body>, told: &RawFields, caller: &Caller<'_>, keep: bool) {
        match self {
            Self::Http1(connection) => {
                let manner = Manner { keep, same_caller: connection.same_caller };
                connection.slot.announce(request, told, caller.connection.as_ref(), manner);
            }
            Self::Http2 { spare, .. } => *spare = keep.then(|| copy(request)),
        }
    }

    /// Takes a request from its place, sends it, and waits for the head of the response: `patience`, again and again
    /// while `goes_on` returns true. `None` if it doesn't come.
    pub(super) async fn send(
        &mut self,
        request: &mut Request<Body>,
        began: Instant,
        patience: Duration,
        goes_on: impl FnMut() -> bool,
    ) -> Option<Sent> {
        match self {
            Self::Http1(connection) => {
                let Http1 { sender, deadline, .. } = &mut **connection;
                // Boxed: the future of a request is to be a small piece of memory, which the
                // allocator has at hand.
                let sending = sender.try_send_request(std::mem::take(request)).map(boxed);
                within(Box::pin(sending), deadline, began, patience, goes_on).await
            }
            Self::Http2 { sender, .. } => {
                let sending = sender.try_send_request(std::mem::take(request)).map(boxed);
                within(Box::pin(sending), &mut LazyTimer::default(), began, patience, goes_on).await
            }
        }
    }

    /// Adds what the connection knows of a response's fields beyond what hyper read.
    pub(super) fn complete(&self, response: &mut Response<Incoming>) {
        if let Self::Http1(connection) = self {
            connection.slot.complete(response.headers_mut());
        }
    }

    /// The request that was sent, if it was to be kept. It has no body.
    pub(super) fn sent(&mut self) -> Option<Request<()>> {
        match self {
            Self::Http1(connection) => connection.slot.take_written(),
            Self::Http2 { spare, .. } => spare.take().map(|spare| *spare),
        }
    }
}

/// A copy of a request without its body.
fn copy(request: &Request<Body>) -> Box<Request<()>> {
    let mut copy = Box::new(Request::new(()));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    *copy.version_mut() = request.version();
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// Waits for a response for as long as it may take.
async fn within<F: Future>(
    mut sending: Pin<Box<F>>,
    deadline: &mut LazyTimer,
    began: Instant,
    patience: Duration,
    mut goes_on: impl FnMut() -> bool,
) -> Option<F::Output> {
    let mut until = began + patience;
    loop {
        deadline.set(until);
        let answer = poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => deadline.poll_passed(cx).map(|()| None),
        });
        match answer.await {
            None if goes_on() => until = Instant::now() + patience,
            answer => return answer,
        }
    }
}

impl Idle {
    fn is_usable(&self) -> bool {
        !self.connection.sender.is_closed() && !self.connection.slot.is_broken()
    }

    /// Whether it rested since its last caller.
    fn is_rested(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= REST
    }

    fn is_of(&self, proof: Option<&Arc<Proof>>) -> bool {
        match (&self.proof, proof) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Kept {
    /// Takes the last of a client's connections that is free for it.
    fn take_own(&mut self, caller: &Caller<'_>, now: Instant) -> Option<Idle> {
        let own = self.idle.get_mut(&caller.connection)?;
        let free = |one: &Idle| {
            let own = caller.connection.is_some() && (!caller.shared || one.is_of(caller.proof));
            // One that isn't ready yet still sends a request's body after its response.
            (own || one.is_rested(now)) && one.is_usable() && one.connection.sender.is_ready()
        };
        let at = own.iter().rposition(free)?;
        self.count -= 1;
        Some(own.remove(at))
    }

    /// Takes any connection that rested.
    fn take_rested(&mut self, now: Instant) -> Option<Idle> {
        let free = |one: &Idle| one.is_rested(now) && one.is_usable() && one.connection.sender.is_ready();
        let (own, at) = self.idle.values_mut().find_map(|own| own.iter().rposition(free).map(|at| (own, at)))?;
        self.count -= 1;
        Some(own.remove(at))
    }

    /// Drops connections that are closed or were kept for too long.
    fn sweep(&mut self, keep_alive: Duration, now: Instant) {
        for own in self.idle.values_mut() {
            own.retain(|one| one.is_usable() && now.duration_since(one.since) < keep_alive);
        }
        self.idle.retain(|_, own| !own.is_empty());
        self.count = self.idle.values().map(Vec::len).sum();
    }
}

impl Pool {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self { keep_alive, shelves: Default::default() }
    }

    /// The place of this thread's shared HTTP/2 connection.
    pub(super) async fn shared(&self) -> tokio::sync::MutexGuard<'_, Shared> {
        self.shelf().shared.lock().await
    }

    /// Forgets the shared connection after a failure on it: it may be going away, and look open. Another that was made
    /// since is kept.
    pub(super) async fn give_up(&self, lease: &Lease) {
        if let Lease::Http2 { number, .. } = lease {
            let mut shared = self.shelf().shared.lock().await;
            if shared.number == *number {
                shared.sender = None;
            }
        }
    }

    /// The connection that was used last for this caller, or another one, if one is open and free for it.
    pub(super) fn take(&self, caller: &Caller<'_>, now: Instant) -> Option<Lease> {
        let mut kept = self.kept();
        let own = kept.take_own(caller, now);
        let is_same = own.as_ref().is_some_and(|own| caller.is_same(own.proof.as_ref()));
        let one = own.or_else(|| kept.take_rested(now))?;
        if now.duration_since(one.since) >= self.keep_alive {
            // The other side may be about to close it.
            return None;
        }
        let mut connection = one.connection;
        connection.reused = true;
        connection.same_caller = is_same;
        Some(Lease::Http1(connection))
    }

    /// Keeps a connection whose response was read to its end.
    pub(super) fn put(&self, lease: Lease, user: User) {
        let Lease::Http1(connection) = lease else { return };
        let mut kept = self.kept();
        let one = Idle { connection, proof: user.proof, since: Instant::now() };
        let trusted = kept.distrusted_until.is_none_or(|until| until <= one.since);
        if one.is_usable() && trusted && !self.keep_alive.is_zero() && kept.count < MAX_IDLE {
            kept.count += 1;
            kept.idle.entry(user.connection).or_default().push(one);
            if !std::mem::replace(&mut kept.is_swept, true) {
                tokio::spawn(sweep(Arc::downgrade(self.shelf()), self.keep_alive));
            }
        }
    }

    /// Drops all connections, and keeps none for a while.
    pub(super) fn distrust(&self) {
        for shelf in &self.shelves {
            let mut kept = shelf.kept();
            kept.distrusted_until = Some(Instant::now() + DISTRUST);
            kept.idle.clear();
            kept.count = 0;
        }
    }

    /// This thread's.
    fn shelf(&self) -> &Arc<Shelf> {
        &self.shelves[thread() % SHELVES]
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shelf().kept()
    }
}

/// Sweeps a shelf as long as anything is kept there: whether requests come or not, none is kept for longer than it may
/// be.
async fn sweep(shelf: Weak<Shelf>, keep_alive: Duration) {
    loop {
        tokio::time::sleep(SWEEP.min(keep_alive)).await;
        let Some(shelf) = shelf.upgrade() else { return };
        let mut kept = shelf.kept();
        kept.sweep(keep_alive, Instant::now());
        if kept.count == 0 {
            kept.is_swept = false;
            return;
        }
    }
}

impl Shelf {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
