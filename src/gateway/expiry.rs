//! The end of what streams when the token of its request expires, where a route asks for it.
//!
//! A body ends with an error, which HTTP/1.1 shows as a connection that closes before the last chunk, and HTTP/2 as a
//! stream that is reset. A tunnel closes on both sides. Nothing here costs a request of another route anything.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body as _, Frame, SizeHint};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::Proof;
use mfa_gateway_wire::{Body, BoxError};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::routing::Route;

/// Timers can't wait for longer than some two years.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// When the token of a request expires.
#[derive(Debug)]
pub(super) struct Expiry {
    at: Instant,
    /// Whether something ended because of it.
    ended: AtomicBool,
    request_id: HeaderValue,
}

/// The token of the request has expired.
#[derive(Debug, thiserror::Error)]
#[error("the token expired while the message streamed")]
struct Expired;

impl Expiry {
    /// When a request's token expires, if its route ends streams then. The clock skew counts, as for any request.
    pub(super) fn of(
        route: &Route,
        proof: Option<&Proof>,
        clock: &Clock,
        request_id: &HeaderValue,
    ) -> Option<Arc<Self>> {
        let proof = proof.filter(|_| route.close_at_expiry)?;
        let at = Instant::now() + proof.validity.ends().since(clock.now()).min(LONGEST);
        Some(Arc::new(Self { at, ended: AtomicBool::new(false), request_id: request_id.clone() }))
    }

    /// Whether it has ended something, or the time has come.
    pub(super) fn has_come(&self) -> bool {
        self.has_ended() || Instant::now() >= self.at
    }

    /// Whether it has ended something.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Ends a body that still streams then.
    pub(super) fn bound(self: &Arc<Self>, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Bounded { inner: body, timer: Box::pin(sleep_until(self.at)), expiry: Arc::clone(self) })
    }

    /// Ends a tunnel that is still open then.
    pub(super) async fn bound_tunnel<T>(
        &self,
        tunnel: impl Future<Output = std::io::Result<T>>,
    ) -> std::io::Result<()> {
        let Ok(ended) = timeout_at(self.at, tunnel).await else {
            self.ended.store(true, Ordering::Release);
            let request_id = self.request_id.to_str().unwrap_or_default();
            tracing::info!(request_id, reason = "token_expired", "a WebSocket was closed when its token expired");
            return Ok(());
        };
        ended.map(drop)
    }
}

struct Bounded {
    inner: Body,
    timer: Pin<Box<Sleep>>,
    expiry: Arc<Expiry>,
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.timer.as_mut().poll(cx).is_ready() {
            self.expiry.ended.store(true, Ordering::Release);
            return Poll::Ready(Some(Err(Expired.into())));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
