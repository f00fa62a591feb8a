//! Limit: refuses when too many requests are in flight.
//!
//! It stands in front of all work on a request, so that an overload costs as little as possible. A request counts until
//! its answer's body has ended.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, Version};
use prometheus_client::metrics::gauge::Gauge;
use tower::{Layer, Service};

use super::{Answer, Reason, Rejection};
use crate::net::{Body, Busy};
use crate::telemetry::Metrics;

/// Makes [`Limit`].
#[derive(Clone, Debug)]
pub struct LimitLayer {
    max: i64,
    in_flight: Gauge,
    streams: Gauge,
}

/// Refuses when too many requests are in flight.
#[derive(Clone, Debug)]
pub struct Limit<S> {
    inner: S,
    max: i64,
    in_flight: Gauge,
    streams: Gauge,
}

/// A request under way: in the gauge of all, and in that of HTTP/2 streams if it is one.
struct InFlight(Gauge, Option<Gauge>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
        if let Some(streams) = &self.1 {
            streams.dec();
        }
    }
}

impl LimitLayer {
    pub(crate) fn new(max: usize, metrics: &Metrics) -> Self {
        Self {
            max: i64::try_from(max).unwrap_or(i64::MAX),
            in_flight: metrics.in_flight.clone(),
            streams: metrics.streams.clone(),
        }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, max: self.max, in_flight: self.in_flight.clone(), streams: self.streams.clone() }
    }
}

impl<S> Service<Request<Body>> for Limit<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Rejection, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer {
        let stream = (request.version() == Version::HTTP_2).then(|| self.streams.clone());
        if let Some(streams) = &stream {
            streams.inc();
        }
        let in_flight = InFlight(self.in_flight.clone(), stream);
        // The gauge is the count itself, so that what is shown is what is limited.
        if in_flight.0.inc() >= self.max {
            return Box::pin(async { Err(Rejection::new(Reason::Overloaded)) });
        }
        let busy = request.extensions_mut().remove::<Arc<Busy>>();
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| body.holding((in_flight, busy)))) })
    }
}
