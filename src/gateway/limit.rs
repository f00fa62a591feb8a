//! Limit: refuses when too many requests are in flight.
//!
//! It stands in front of all work on a request, so that an overload costs as little as possible. A request counts until
//! its answer's body has ended.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Semaphore;
use tower::{Layer, Service};

use super::{Answer, Reason, Rejection};
use crate::net::{Body, Busy};
use crate::telemetry::Metrics;

/// Makes [`Limit`].
#[derive(Clone, Debug)]
pub struct LimitLayer {
    free: Arc<Semaphore>,
    in_flight: Gauge,
}

/// Refuses when too many requests are in flight.
#[derive(Clone, Debug)]
pub struct Limit<S> {
    inner: S,
    free: Arc<Semaphore>,
    in_flight: Gauge,
}

struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl LimitLayer {
    pub(crate) fn new(max: usize, metrics: &Metrics) -> Self {
        Self { free: Arc::new(Semaphore::new(max)), in_flight: metrics.in_flight.clone() }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, free: Arc::clone(&self.free), in_flight: self.in_flight.clone() }
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
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return Box::pin(async { Err(Rejection::new(Reason::Overloaded)) });
        };
        self.in_flight.inc();
        let in_flight = InFlight(self.in_flight.clone());
        let busy = request.extensions_mut().remove::<Arc<Busy>>();
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| body.holding((permit, in_flight, busy)))) })
    }
}
