//! Route: finds what the request is for, and fixes the configuration it is judged by.
//!
//! The configuration that it looks into came with the request, so that no request sees two versions of it.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service};

use super::{Exchange, Inner, Live, Next, Reason, Rejection, Routed, refuse};
use crate::routing::RouteError;
use mfa_gateway_wire::Body;

/// Makes [`FindRoute`].
#[derive(Clone, Copy, Debug)]
pub struct RouteLayer;

/// Finds the route of a request.
#[derive(Clone, Debug)]
pub struct FindRoute<S> {
    inner: S,
}

impl<S> Layer<S> for RouteLayer {
    type Service = FindRoute<S>;

    fn layer(&self, inner: S) -> FindRoute<S> {
        FindRoute { inner }
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
        match find(&exchange.live, &exchange.request) {
            Ok(route) => Next::Left(self.inner.call(Routed { exchange, route })),
            Err(rejection) => refuse(rejection),
        }
    }
}

fn find(live: &Live, request: &Request<Body>) -> Result<Arc<crate::routing::Route>, Rejection> {
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
