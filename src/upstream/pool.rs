//! The connections kept to one endpoint.
//!
//! HTTP/1.1 doesn't say which request an answer belongs to. Bytes that an upstream sends unasked behind an answer, soon
//! enough and before its connection is found to be spoilt, would answer the next request on it. So a connection that
//! was used for one caller rests for a moment before it is used for another; and after unasked bytes an endpoint's
//! connections are used once only, for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::time::Instant;

use crate::net::{Body, ConnectionId, Turn};
use crate::policy::Proof;

/// How many unused HTTP/1.1 connections are kept to one endpoint.
const MAX_IDLE: usize = 1024;

/// How long a connection rests between two callers.
const REST: Duration = Duration::from_millis(10);

/// How long connections are used once only, after one was spoilt.
const DISTRUST: Duration = Duration::from_secs(60);

/// Who calls: a client's connection, and the verified token it came with. A proxy may use one connection for many.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) proof: Option<Arc<Proof>>,
}

/// The connections kept to one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    keep_alive: Duration,
    kept: Mutex<Kept>,
    shared: tokio::sync::Mutex<Option<http2::SendRequest<Body>>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// In the order in which they were put here.
    idle: Vec<Idle>,
    distrusted_until: Option<Instant>,
}

#[derive(Debug)]
struct Idle {
    connection: Http1,
    caller: Caller,
    since: Instant,
}

/// An HTTP/1.1 connection.
#[derive(Debug)]
pub(super) struct Http1 {
    pub(super) sender: http1::SendRequest<Body>,
    pub(super) turn: Turn,
    pub(super) reused: bool,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) enum Lease {
    Http1(Http1),
    Http2 { sender: http2::SendRequest<Body>, reused: bool },
}

impl PartialEq for Caller {
    fn eq(&self, other: &Self) -> bool {
        let same_proof = match (&self.proof, &other.proof) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.connection.is_some() && self.connection == other.connection && same_proof
    }
}

impl Lease {
    /// Whether the connection was used before, so that the other side may have closed it meanwhile.
    pub(super) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.reused,
            Self::Http2 { reused, .. } => *reused,
        }
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1(Http1 { sender, turn, .. }) => {
                turn.ask(request.method(), request.headers());
                sender.try_send_request(request).await
            }
            Self::Http2 { sender, .. } => sender.try_send_request(request).await,
        }
    }
}

impl Idle {
    fn is_usable(&self) -> bool {
        !self.connection.sender.is_closed() && !self.connection.turn.is_spoilt()
    }

    /// Whether it may be used for this caller now.
    fn is_free_for(&self, caller: &Caller, now: Instant) -> bool {
        self.caller == *caller || now.duration_since(self.since) >= REST
    }
}

impl Pool {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self { keep_alive, kept: Mutex::default(), shared: tokio::sync::Mutex::default() }
    }

    /// The shared HTTP/2 connection's place.
    pub(super) async fn shared(&self) -> tokio::sync::MutexGuard<'_, Option<http2::SendRequest<Body>>> {
        self.shared.lock().await
    }

    /// Forgets the shared connection after a failure on it: it may be going away, and look open.
    pub(super) async fn give_up(&self, lease: &Lease) {
        if matches!(lease, Lease::Http2 { .. }) {
            *self.shared.lock().await = None;
        }
    }

    /// The connection that was used last, if one is open and free for this caller.
    pub(super) fn take(&self, caller: &Caller) -> Option<Lease> {
        let now = Instant::now();
        let mut kept = self.kept();
        let outdated = kept.idle.partition_point(|one| now.duration_since(one.since) >= self.keep_alive);
        kept.idle.drain(..outdated);
        let mut at = kept.idle.len();
        while at > 0 {
            at -= 1;
            let one = &kept.idle[at];
            if !one.is_usable() {
                kept.idle.remove(at);
            // One that isn't ready yet still sends a request's body after its answer.
            } else if one.is_free_for(caller, now) && one.connection.sender.is_ready() {
                let connection = kept.idle.remove(at).connection;
                return Some(Lease::Http1(Http1 { reused: true, ..connection }));
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put(&self, lease: Lease, caller: Caller) {
        let Lease::Http1(connection) = lease else { return };
        let mut kept = self.kept();
        let one = Idle { connection, caller, since: Instant::now() };
        let trusted = kept.distrusted_until.is_none_or(|until| until <= one.since);
        if one.is_usable() && trusted && !self.keep_alive.is_zero() && kept.idle.len() < MAX_IDLE {
            kept.idle.push(one);
        }
    }

    /// Lets go of all connections, and keeps none for a while.
    pub(super) fn distrust(&self) {
        let mut kept = self.kept();
        kept.distrusted_until = Some(Instant::now() + DISTRUST);
        kept.idle.clear();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
