//! Limit: refuses when too many requests are in flight.
//!
//! It stands before all work on a request, so that an overload costs as little as possible. A refused client has to
//! wait before its next request is read, so that it doesn't cause this cost continuously. A request counts until its
//! response's body has ended: its account holds its place.

use std::task::{Context, Poll};

use http::{Response, Version};
use prometheus_client::metrics::gauge::Gauge;
use tower::{Layer, Service};

use super::metrics::Metrics;
use super::service::{Inner, Next, refuse};
use super::{Admitted, Opened, Reason, Rejection};
use mfa_gateway_wire::Body;

/// Makes [`Limit`].
#[derive(Clone, Copy, Debug)]
pub struct LimitLayer {
    max: i64,
}

/// Refuses when too many requests are in flight.
#[derive(Clone, Debug)]
pub struct Limit<S> {
    inner: S,
    max: i64,
}

/// A request in flight: in the gauge of all, and in that of HTTP/2 streams if it is one.
#[derive(Debug)]
pub(super) struct InFlight(Gauge, Option<Gauge>);

impl InFlight {
    /// Counts a request, and returns how many there were before. The gauge is the count itself, so that the metric
    /// shows the number that is limited.
    pub(super) fn begin(metrics: &Metrics, version: Version) -> (Self, i64) {
        let stream = (version == Version::HTTP_2).then(|| metrics.streams.clone());
        if let Some(streams) = &stream {
            streams.inc();
        }
        let before = metrics.in_flight.inc();
        (Self(metrics.in_flight.clone(), stream), before)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
        if let Some(streams) = &self.1 {
            streams.dec();
        }
    }
}

impl LimitLayer {
    pub(crate) fn new(max: usize) -> Self {
        Self { max: i64::try_from(max).unwrap_or(i64::MAX) }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, max: self.max }
    }
}

impl<S: Inner<Admitted>> Service<Opened> for Limit<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, Opened { exchange, before }: Opened) -> Self::Future {
        let admitted = before < self.max;
        if let Some(peer) = &exchange.peer {
            match exchange.request.version() {
                _ if admitted => peer.handle.admit(),
                // The other streams of such a connection are unrelated.
                Version::HTTP_2 => {}
                _ => peer.handle.hold_back(),
            }
        }
        if !admitted {
            return refuse(Rejection::new(Reason::Overloaded));
        }
        Next::Left(self.inner.call(Admitted(exchange)))
    }
}
