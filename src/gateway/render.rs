//! Render: the outermost layer of ours. It gives a request its ids, turns a refusal into bytes, and counts the outcome.
//!
//! It stands outside everything that can refuse, so that there is one place that writes refusals and one that logs
//! their causes.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::{Request, Response, Version};
use http_body::Body as _;
use tower::{Layer, Service};

use super::exchange::{Ids, Peer};
use super::tally::Account;
use super::{Answer, Live, Reason, Rejection, Rendered, refusal};
use crate::net::Body;

/// Makes [`Render`].
#[derive(Clone, Debug)]
pub struct RenderLayer {
    live: Arc<ArcSwap<Live>>,
}

/// Answers every request: with the inner service's answer, or with the refusal in the client's words.
#[derive(Clone, Debug)]
pub struct Render<S> {
    inner: S,
    live: Arc<ArcSwap<Live>>,
}

impl RenderLayer {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>) -> Self {
        Self { live }
    }
}

impl<S> Layer<S> for RenderLayer {
    type Service = Render<S>;

    fn layer(&self, inner: S) -> Render<S> {
        Render { inner, live: Arc::clone(&self.live) }
    }
}

impl<S> Service<Request<Body>> for Render<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Rejection, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Rendered;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No service of the stack is ever busy: Limit refuses instead of waiting.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let ids = Ids::take(&mut request, &self.live.load().random);
        let account = Account::open(&mut request, &self.live, ids.clone());
        let version = request.version();
        let peer = (!request.body().is_end_stream()).then(|| request.extensions().get::<Peer>().cloned()).flatten();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(response) => account.permitted(response),
                Err(rejection) => {
                    log_cause(&rejection, &ids);
                    // What is unread of the body must not become the next request.
                    if let Some(peer) = &peer {
                        peer.handle.linger();
                    }
                    let close = peer.is_some() && version <= Version::HTTP_11;
                    let live = account.live();
                    let response = refusal::response(&rejection, &live.refusals, &ids, version, close);
                    account.refused(response, live, &rejection)
                }
            };
            ids.put(response.headers_mut());
            Ok(response)
        })
    }
}

/// Logs what isn't the rule's decision (the journal has those): our trouble loudly, the client's quietly.
fn log_cause(rejection: &Rejection, ids: &Ids) {
    let reason = rejection.reason.code();
    let request_id = ids.request.to_str().unwrap_or_default();
    let cause = rejection.cause.as_deref().map(|cause| tracing::field::display(crate::net::chain(cause)));
    match &rejection.reason {
        Reason::Denied(_) => {}
        reason if reason.status().is_server_error() => {
            tracing::warn!(request_id, reason = reason.code(), cause, "request failed");
        }
        _ => tracing::debug!(request_id, reason, cause, "request refused"),
    }
}
