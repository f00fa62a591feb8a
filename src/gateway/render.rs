//! Render: the outermost layer of ours. It gives a request its ids, turns a refusal into bytes, and counts the outcome.
//!
//! It stands outside everything that can refuse, so that there is one place that writes refusals and one that logs
//! their causes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::header::CONNECTION;
use http::{HeaderValue, Response, Version};
use http_body::Body as _;
use tower::{Layer, Service};

use super::exchange::{Arrived, Exchange};
use super::grant::Page;
use super::ids::Ids;
use super::limit::InFlight;
use super::metrics::Metrics;
use super::peer::Peer;
use super::pipeline::{Opened, Shielded};
use super::refusal::{self, Asked};
use super::service::Inner;
use super::tally::{Account, Holds};
use super::{Live, Reason, Rejection, nonce};
use mfa_gateway_layer::grpc_media_type;
use mfa_gateway_wire::Body;

/// The kind of requests that the layer serves.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Clients': counted, logged and traced.
    Traffic,
    /// Those of operators and machines on the admin listener: they aren't traffic, so no traffic log, metric or trace
    /// has them.
    Operators,
}

/// Makes [`Render`].
#[derive(Clone, Debug)]
pub struct RenderLayer {
    live: Arc<ArcSwap<Live>>,
    metrics: Arc<Metrics>,
    kind: Kind,
}

/// Responds to every request: with the inner service's response, or with the refusal in the client's dialect.
#[derive(Clone, Debug)]
pub struct Render<S> {
    inner: S,
    live: Arc<ArcSwap<Live>>,
    metrics: Arc<Metrics>,
    kind: Kind,
}

/// The handling of one request.
#[derive(Debug)]
pub struct Rendering<F> {
    answer: F,
    /// `None` once it has its response.
    open: Option<Open>,
}

/// The state kept for a request until its response.
#[derive(Debug)]
enum Record {
    Account(Box<Account>),
    Visit(Box<Visit>),
}

/// An operator's request.
#[derive(Debug)]
struct Visit {
    ids: Ids,
    live: Arc<Live>,
    _holds: Holds,
}

/// The state of a request before its response.
#[derive(Debug)]
struct Open {
    record: Record,
    asked: Asked,
    /// The page of another origin that asks, where one may.
    page: Option<Box<Page>>,
    /// The connection with an unread part of the request, if the request has a body.
    sender: Option<Arc<Peer>>,
    /// Whether another proxy carries the request.
    is_carried: bool,
}

impl RenderLayer {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>, metrics: &Arc<Metrics>) -> Self {
        Self { live, metrics: Arc::clone(metrics), kind: Kind::Traffic }
    }

    /// The layer of the admin listener, whose requests in flight are counted apart.
    pub(crate) fn for_operators(live: Arc<ArcSwap<Live>>) -> Self {
        Self { live, metrics: Arc::default(), kind: Kind::Operators }
    }
}

impl<S> Layer<S> for RenderLayer {
    type Service = Render<S>;

    fn layer(&self, inner: S) -> Render<S> {
        Render { inner, live: Arc::clone(&self.live), metrics: Arc::clone(&self.metrics), kind: self.kind }
    }
}

impl<S: Inner<Opened>> Service<Shielded> for Render<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Rendering<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No service of the stack is ever busy: Limit refuses instead of making requests wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Shielded(Arrived { request, peer, busy }): Shielded) -> Self::Future {
        let is_carried = peer.as_ref().is_some_and(|peer| peer.carried.is_some());
        let asked = Asked { version: request.version(), grpc: grpc_media_type(request.method(), request.headers()) };
        let (in_flight, before) = InFlight::begin(&self.metrics, asked.version);
        let exchange = Exchange::begin(request, peer, self.live.load_full());
        let holds = Holds { in_flight: Some(in_flight), busy };
        let record = match self.kind {
            Kind::Traffic => Record::Account(Account::open(&exchange, holds)),
            Kind::Operators => Record::Visit(Box::new(Visit::of(&exchange, holds))),
        };
        let sender = exchange.peer.clone().filter(|_| !exchange.request.body().is_end_stream());
        let page = Page::of(&exchange.request, &exchange.live.judge.routes);
        let answer = self.inner.call(Opened { exchange, before });
        Rendering { answer, open: Some(Open { record, asked, page, sender, is_carried }) }
    }
}

impl<F> Future for Rendering<F>
where
    F: Future<Output = Result<Response<Body>, Rejection>> + Unpin,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Take it out, so that a panic drops it, and the account closes as that of a request that panicked.
        let open = self.open.take();
        let (answer, open) = match (Pin::new(&mut self.answer).poll(cx), open) {
            (Poll::Ready(answer), Some(open)) => (answer, open),
            (_, open) => {
                self.open = open;
                return Poll::Pending;
            }
        };
        Poll::Ready(Ok(match answer {
            Ok(response) => open.record.permitted(response),
            Err(rejection) => open.refuse(rejection),
        }))
    }
}

impl Open {
    fn refuse(self, mut rejection: Rejection) -> Response<Body> {
        let Self { record, asked, page, sender, is_carried } = self;
        if rejection.route.is_none() && rejection.grant.is_none() {
            rejection.grant = page.and_then(|page| page.grant(&record.live().judge.routes));
        }
        let browser = rejection.take_browser();
        let rejection = &rejection;
        log_cause(rejection, record.ids());
        // The unread rest of the body must not become the next request.
        if let Some(peer) = &sender {
            peer.handle.linger();
        }
        let close = sender.is_some() && asked.version <= Version::HTTP_11;
        let mut response = match browser {
            Some(response) => response,
            None => refusal::response(rejection, &record.live().refusals, record.ids(), &asked, close),
        };
        // A proxy that asks reads the status, of gRPC calls too.
        if is_carried && asked.grpc.is_some() {
            *response.status_mut() = rejection.reason.status();
        }
        nonce::challenge(response.headers_mut(), record.live());
        if close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        record.refused(response, rejection)
    }
}

impl Visit {
    fn of(exchange: &Exchange, holds: Holds) -> Self {
        Self { ids: exchange.ids.clone(), live: Arc::clone(&exchange.live), _holds: holds }
    }
}

impl Record {
    fn ids(&self) -> &Ids {
        match self {
            Self::Account(account) => account.ids(),
            Self::Visit(visit) => &visit.ids,
        }
    }

    fn live(&self) -> &Live {
        match self {
            Self::Account(account) => account.live(),
            Self::Visit(visit) => &visit.live,
        }
    }

    fn permitted(self, response: Response<Body>) -> Response<Body> {
        match self {
            Self::Account(account) => account.permitted(response),
            Self::Visit(visit) => visit.answered(response),
        }
    }

    fn refused(self, response: Response<Body>, rejection: &Rejection) -> Response<Body> {
        match self {
            Self::Account(account) => account.refused(response, rejection),
            Self::Visit(visit) => visit.answered(response),
        }
    }
}

impl Visit {
    fn answered(&self, mut response: Response<Body>) -> Response<Body> {
        self.ids.put(response.headers_mut());
        response
    }
}

/// Logs refusals that aren't the rule's decision (the journal has those): the gateway's failures as warnings, the
/// client's mistakes at debug.
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
