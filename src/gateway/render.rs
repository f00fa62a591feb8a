//! Render: the outermost layer of ours. It gives a request its ids, turns a refusal into bytes, and counts the outcome.
//!
//! It stands outside everything that can refuse, so that there is one place that writes refusals and one that logs
//! their causes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::{Response, Version};
use http_body::Body as _;
use tower::{Layer, Service};

use super::exchange::{Ids, Peer};
use super::limit::InFlight;
use super::tally::{Account, Holds};
use super::{Arrived, Exchange, Inner, Live, Reason, Rejection, refusal};
use crate::telemetry::Metrics;
use mfa_gateway_wire::Body;

/// Makes [`Render`].
#[derive(Clone, Debug)]
pub struct RenderLayer {
    live: Arc<ArcSwap<Live>>,
    metrics: Arc<Metrics>,
}

/// Answers every request: with the inner service's answer, or with the refusal in the client's words.
#[derive(Clone, Debug)]
pub struct Render<S> {
    inner: S,
    live: Arc<ArcSwap<Live>>,
    metrics: Arc<Metrics>,
}

/// The answering of one request.
#[derive(Debug)]
pub struct Rendering<F> {
    answer: F,
    /// `None` once it is answered.
    open: Option<Open>,
}

/// What is known of a request that isn't answered yet.
#[derive(Debug)]
struct Open {
    account: Box<Account>,
    version: Version,
    /// Whose connection has a part of the request unread, if it has a body.
    sender: Option<Arc<Peer>>,
}

impl RenderLayer {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>, metrics: &Arc<Metrics>) -> Self {
        Self { live, metrics: Arc::clone(metrics) }
    }
}

impl<S> Layer<S> for RenderLayer {
    type Service = Render<S>;

    fn layer(&self, inner: S) -> Render<S> {
        Render { inner, live: Arc::clone(&self.live), metrics: Arc::clone(&self.metrics) }
    }
}

impl<S: Inner<Box<Exchange>>> Service<Arrived> for Render<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Rendering<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No service of the stack is ever busy: Limit refuses instead of waiting.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Arrived { request, peer, busy }: Arrived) -> Self::Future {
        let version = request.version();
        let (in_flight, before) = InFlight::begin(&self.metrics, version);
        let mut exchange = Exchange::begin(request, peer, self.live.load_full());
        exchange.before = before;
        let account = Account::open(&mut exchange, Holds { in_flight: Some(in_flight), busy });
        let sender = exchange.peer.clone().filter(|_| !exchange.request.body().is_end_stream());
        Rendering { answer: self.inner.call(exchange), open: Some(Open { account, version, sender }) }
    }
}

impl<F> Future for Rendering<F>
where
    F: Future<Output = Result<Response<Body>, Rejection>> + Unpin,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Out of its place, so that a panic takes it along, and the account is closed as that of a request which panicked.
        let open = self.open.take();
        let (answer, open) = match (Pin::new(&mut self.answer).poll(cx), open) {
            (Poll::Ready(answer), Some(open)) => (answer, open),
            (_, open) => {
                self.open = open;
                return Poll::Pending;
            }
        };
        Poll::Ready(Ok(match answer {
            Ok(response) => open.account.permitted(response),
            Err(rejection) => open.refuse(&rejection),
        }))
    }
}

impl Open {
    fn refuse(self, rejection: &Rejection) -> Response<Body> {
        let Self { account, version, sender } = self;
        log_cause(rejection, account.ids());
        // What is unread of the body must not become the next request.
        if let Some(peer) = &sender {
            peer.handle.linger();
        }
        let close = sender.is_some() && version <= Version::HTTP_11;
        let response = refusal::response(rejection, &account.live().refusals, account.ids(), version, close);
        account.refused(response, rejection)
    }
}

/// Logs what isn't the rule's decision (the journal has those): our trouble loudly, the client's quietly.
fn log_cause(rejection: &Rejection, ids: &Ids) {
    let reason = rejection.reason.code();
    let request_id = ids.request.to_str().unwrap_or_default();
    let cause = rejection.cause.as_deref().map(|cause| tracing::field::display(mfa_gateway_core::chain(cause)));
    match &rejection.reason {
        Reason::Denied(_) => {}
        reason if reason.status().is_server_error() => {
            tracing::warn!(request_id, reason = reason.code(), cause, "request failed");
        }
        _ => tracing::debug!(request_id, reason, cause, "request refused"),
    }
}
