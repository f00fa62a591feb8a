//! Route: finds the request's route.
//!
//! It uses the configuration that came with the request, so that no request sees two generations.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use tower::{Layer, Service};

use super::question::Question;
use super::service::{Inner, Next, refuse};
use super::{Live, PathFault, Reason, Rejection, Routed, Sanitized};
use crate::routing::{Route, RouteError};
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

impl<S: Inner<Routed>> Service<Sanitized> for FindRoute<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, sanitized: Sanitized) -> Self::Future {
        match find(&sanitized.exchange.live, &sanitized.question()) {
            Ok(route) => Next::Left(self.inner.call(Routed { sanitized, route })),
            Err(rejection) => refuse(rejection),
        }
    }
}

fn find(live: &Live, question: &Question<'_>) -> Result<Arc<Route>, Rejection> {
    if question.target.len() > live.edge.url_bytes {
        return Err(Rejection::new(Reason::UriTooLong));
    }
    live.judge.routes.find(question.path(), question.method).cloned().map_err(|error| {
        let reason = match &error {
            RouteError::Path(error) => Reason::Path(PathFault {
                text: format!("The path {}.", error.words()),
                optional: error.rule.is_optional(),
            }),
            RouteError::Ambiguous { steps, at } => Reason::Path(PathFault {
                text: format!(
                    "Some servers could read the path as a protected path: {steps}, from byte {} on.",
                    at + 1
                ),
                optional: false,
            }),
            RouteError::NotFound => Reason::NotFound,
            RouteError::MethodNotAllowed(methods) => Reason::MethodNotAllowed(methods.clone()),
        };
        Rejection::new(reason).because(error)
    })
}
