//! The connections kept to one endpoint.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio::time::Instant;

use crate::net::Body;

/// How many unused HTTP/1.1 connections are kept to one endpoint.
const MAX_IDLE: usize = 1024;

/// The connections kept to one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    keep_alive: Duration,
    idle: Mutex<Vec<Idle>>,
    shared: tokio::sync::Mutex<Option<http2::SendRequest<Body>>>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<Body>,
    since: Instant,
}

/// A connection for one request.
#[derive(Debug)]
pub(super) enum Lease {
    Http1 { sender: http1::SendRequest<Body>, reused: bool },
    Http2(http2::SendRequest<Body>),
}

impl Lease {
    /// Whether the connection was used before, so that the other side may have closed it meanwhile.
    pub(super) fn is_reused(&self) -> bool {
        match self {
            Self::Http1 { reused, .. } => *reused,
            Self::Http2(_) => true,
        }
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1 { sender, .. } => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

impl Pool {
    pub(super) fn new(keep_alive: Duration) -> Self {
        Self { keep_alive, idle: Mutex::default(), shared: tokio::sync::Mutex::default() }
    }

    /// The shared HTTP/2 connection's place.
    pub(super) async fn shared(&self) -> tokio::sync::MutexGuard<'_, Option<http2::SendRequest<Body>>> {
        self.shared.lock().await
    }

    /// Forgets the shared connection after a failure on it: it may be going away, and look open.
    pub(super) async fn give_up(&self, lease: &Lease) {
        if matches!(lease, Lease::Http2(_)) {
            *self.shared.lock().await = None;
        }
    }

    /// The connection that was used last, if one is open and free.
    pub(super) fn take(&self) -> Option<Lease> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Closed and outdated ones go. One that isn't ready yet still sends a request's body after its answer.
        let now = Instant::now();
        idle.retain(|one| !one.sender.is_closed() && now.duration_since(one.since) < self.keep_alive);
        let at = idle.iter().rposition(|one| one.sender.is_ready())?;
        Some(Lease::Http1 { sender: idle.remove(at).sender, reused: true })
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put(&self, lease: Lease) {
        let Lease::Http1 { sender, .. } = lease else { return };
        if sender.is_closed() || self.keep_alive.is_zero() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }
}
