//! One authorizer, as the service of its listener.

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{Method, Response};
use arc_swap::ArcSwap;
use mfa_gateway_wire::Body;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{Kind, Settings, ext_authz, http};
use crate::gateway::assertion::KEYS_PATH;
use crate::gateway::{Arrived, Stack};

/// Answers the questions of an authorizer's proxies.
#[derive(Clone, Debug)]
pub(crate) struct Face<S> {
    settings: Arc<ArcSwap<Settings>>,
    stack: S,
    draining: CancellationToken,
}

impl<S: Stack> Face<S> {
    /// A face with these settings, which may change, over the stack that ends in verdicts. It reports when the gateway
    /// drains.
    pub(crate) fn new(settings: Arc<ArcSwap<Settings>>, stack: S, draining: CancellationToken) -> Self {
        Self { settings, stack, draining }
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
        if let Some(assertions) = settings.assertion.as_ref().filter(|_| asks_for_keys(&settings, &arrived)) {
            return Box::pin(ready(Ok(assertions.published().map(Body::full))));
        }
        if settings.kind == Kind::Envoy {
            let draining = self.draining.clone();
            return Box::pin(async move { Ok(ext_authz::respond(arrived, &settings, draining, stack).await) });
        }
        Box::pin(async move { Ok(http::respond(arrived, &settings, stack).await) })
    }
}

/// Whether a request asks for the keys of assertions, which anybody may know. Where questions come, it is one of them: its 200
/// would be a permit.
fn asks_for_keys(settings: &Settings, arrived: &Arrived) -> bool {
    let path = arrived.request.uri().path();
    arrived.request.method() == Method::GET && path == KEYS_PATH && !settings.is_asked_at(path)
}

#[cfg(test)]
mod tests {
    use ::http::Request;

    use super::*;
    use crate::faces::Peers;

    #[test]
    fn a_question_never_asks_for_keys() {
        for (kind, path, asks) in [
            (Kind::Nginx, "/authorize", true),
            (Kind::Nginx, "/.well-known/jwks.json", false),
            (Kind::ForwardAuth, "/.well-known/jwks.json", false),
            (Kind::EnvoyHttp, "/authorize", true),
            (Kind::EnvoyHttp, "/.well-known", false),
            (Kind::Envoy, "/authorize", true),
        ] {
            let (name, path) = ("a".to_owned(), path.to_owned());
            let settings = Settings { name, kind, peers: Peers::default(), path, assertion: None };
            let arrived = Request::get(KEYS_PATH).body(Body::empty()).unwrap().into();
            assert_eq!(asks_for_keys(&settings, &arrived), asks, "{settings:?}");
        }
    }
}
