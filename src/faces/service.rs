//! One authorizer, as the service of its listener.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::Response;
use arc_swap::ArcSwap;
use mfa_gateway_wire::Body;
use tower::Service;

use super::{Settings, http};
use crate::gateway::{Arrived, Stack};

/// Answers the questions of an authorizer's proxies.
#[derive(Clone, Debug)]
pub(crate) struct Face<S> {
    settings: Arc<ArcSwap<Settings>>,
    stack: S,
}

impl<S: Stack> Face<S> {
    /// A face with these settings, which may change, over the stack that ends in verdicts.
    pub(crate) fn new(settings: Arc<ArcSwap<Settings>>, stack: S) -> Self {
        Self { settings, stack }
    }
}

impl<S: Stack> Service<Arrived> for Face<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, arrived: Arrived) -> Self::Future {
        let (settings, stack) = (self.settings.load_full(), self.stack.clone());
        Box::pin(async move { Ok(http::respond(arrived, &settings, stack).await) })
    }
}
