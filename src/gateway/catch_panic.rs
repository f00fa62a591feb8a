//! Catches panics: a bug in one request ends that request alone.
//!
//! It stands outside everything. tower-http has such a layer; it boxes every body, which costs more than the rest of
//! this stack's bookkeeping.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Response, StatusCode};
use prometheus_client::metrics::counter::Counter;
use tower::{Layer, Service};

use super::Arrived;
use super::pipeline::Shielded;
use mfa_gateway_wire::Body;

/// Makes [`CatchPanic`].
#[derive(Clone, Debug)]
pub struct CatchPanicLayer {
    panics: Counter,
}

/// Responds with 500 to a request whose handling panicked.
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
    panics: Counter,
}

/// The handling of one request.
#[derive(Debug)]
pub struct Caught<F> {
    /// `None` once it panicked.
    inner: Option<F>,
    panics: Counter,
}

impl CatchPanicLayer {
    pub(crate) fn new(panics: &Counter) -> Self {
        Self { panics: panics.clone() }
    }
}

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner, panics: self.panics.clone() }
    }
}

impl<S> Service<Arrived> for CatchPanic<S>
where
    S: Service<Shielded, Response = Response<Body>, Error = Infallible>,
    S::Future: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Caught<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, arrived: Arrived) -> Self::Future {
        let called = catch_unwind(AssertUnwindSafe(|| self.inner.call(Shielded(arrived))));
        let inner = called.map_err(|panic| tell(&self.panics, panic.as_ref())).ok();
        Caught { inner, panics: self.panics.clone() }
    }
}

impl<F> Future for Caught<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(Ok(answer())) };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll(cx))) {
            Ok(polled) => polled,
            Err(panic) => {
                tell(&self.panics, panic.as_ref());
                self.inner = None;
                Poll::Ready(Ok(answer()))
            }
        }
    }
}

fn tell(panics: &Counter, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(cause = text, "a request panicked; this is a bug in the gateway");
    panics.inc();
}

fn answer() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    /// Panics when it is called, or when it is polled.
    #[derive(Clone)]
    struct Broken {
        at_once: bool,
    }

    impl Service<Shielded> for Broken {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Shielded) -> Self::Future {
            assert!(!self.at_once, "called");
            Box::pin(async { panic!("polled") })
        }
    }

    #[tokio::test]
    async fn a_panic_is_one_500_and_counted() {
        let panics = Counter::default();
        for at_once in [true, false] {
            let service = CatchPanicLayer::new(&panics).layer(Broken { at_once });
            let answer = service.oneshot(Request::new(Body::empty()).into()).await;
            assert_eq!(answer.map(|answer| answer.status().as_u16()), Ok(500));
        }
        assert_eq!(panics.get(), 2);
    }
}
