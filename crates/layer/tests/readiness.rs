//! What `Service` promises: a service is called that was polled ready.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use mfa_gateway_layer::Requirement;
use tower::{Layer, Service, ServiceExt};

use crate::support::{answer, layer, user, with, without};

/// A service that must be polled ready before each call, by this very clone.
#[derive(Debug, Default)]
struct Strict {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<Full<Bytes>>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "it was called without being polled ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let strict = Strict::default();
    let calls = Arc::clone(&strict.calls);
    let mut service = layer(Requirement::mfa()).layer(strict);
    for known in 0..3 {
        // The first token is verified, the others are in the cache.
        let request = with(&user(&["mfa"]));
        assert_eq!(answer(&mut service, request).await.status.as_u16(), 200, "{known}");
    }
    assert_eq!(answer(&mut service, without()).await.status.as_u16(), 401);
    assert_eq!(calls.load(Ordering::Relaxed), 3, "a refused request reaches nobody");
}

/// A service that fails as soon as it is asked whether it is ready.
#[derive(Clone, Debug)]
struct Broken;

impl Service<Request<Full<Bytes>>> for Broken {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Response<Full<Bytes>>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("broken"))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Err("called"))
    }
}

#[tokio::test]
async fn readiness_and_errors_are_passed_on() {
    let mut service = layer(Requirement::mfa()).layer(Broken);
    assert_eq!(service.ready().await.err(), Some("broken"));
    assert_eq!(service.call(with(&user(&["mfa"]))).await.err(), Some("called"));
}

#[test]
fn futures_and_services_can_be_sent() {
    fn is_send<T: Send + 'static>(_: &T) {}
    let mut service = layer(Requirement::mfa()).layer(Strict { ready: true, calls: Arc::default() });
    is_send(&service);
    is_send(&service.call(with(&user(&["mfa"]))));
}
