//! Route: finds what the request is for, and fixes the configuration it is judged by.
//!
//! It loads the live configuration once, so that no request sees two versions of it.

use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::{Request, Response};
use tower::{Layer, Service};

use super::{Exchange, Inner, Live, Next, Reason, Rejection, Routed, refuse};
use crate::net::Body;
use crate::policy::RouteError;

/// Makes [`FindRoute`].
#[derive(Clone, Debug)]
pub struct RouteLayer {
    live: Arc<ArcSwap<Live>>,
}

/// Finds the route of a request.
#[derive(Clone, Debug)]
pub struct FindRoute<S> {
    inner: S,
    live: Arc<ArcSwap<Live>>,
}

impl RouteLayer {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>) -> Self {
        Self { live }
    }
}

impl<S> Layer<S> for RouteLayer {
    type Service = FindRoute<S>;

    fn layer(&self, inner: S) -> FindRoute<S> {
        FindRoute { inner, live: Arc::clone(&self.live) }
    }
}

impl<S: Inner<Routed>> Service<Box<Exchange>> for FindRoute<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, exchange: Box<Exchange>) -> Self::Future {
        let live = self.live.load_full();
        match find(&live, &exchange.request) {
            Ok(route) => Next::Left(self.inner.call(Routed { exchange, live, route })),
            Err(rejection) => refuse(rejection),
        }
    }
}

fn find(live: &Live, request: &Request<Body>) -> Result<Arc<crate::policy::Route>, Rejection> {
    let target = request.uri();
    let length = target.path_and_query().map_or(0, |target| target.as_str().len());
    if length > live.url_bytes {
        return Err(Rejection::new(Reason::UriTooLong));
    }
    live.routes.find(target.path(), request.method()).cloned().map_err(|error| {
        let reason = match &error {
            RouteError::Path(_) => {
                Reason::Malformed("The path has a form that servers read differently, such as //, /../, %2f or ;.")
            }
            RouteError::Ambiguous => {
                Reason::Malformed("The path is spelt in a way that some server could take for a protected one.")
            }
            RouteError::NotFound => Reason::NotFound,
            RouteError::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.clone()),
        };
        Rejection::new(reason).because(error)
    })
}
