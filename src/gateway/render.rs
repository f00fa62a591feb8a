//! Render: the outermost layer of ours. It gives a request its ids, turns a refusal into bytes, and counts the outcome.
//!
//! It stands outside everything that can refuse, so that there is one place that writes refusals and one that logs
//! their causes.

use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use tower::{Layer, Service};
use tower_http::catch_panic::ResponseForPanic;

use super::exchange::{Ids, Peer};
use super::{Answer, Live, Reason, Rejection, refusal};
use crate::net::Body;
use crate::policy::Grounds;
use crate::telemetry::{Metrics, ResultLabels, WouldDenyLabels};

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

/// How a permitted request ended up permitted, for counting. Travels in the answer's extensions.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) route: Arc<crate::policy::Route>,
    pub(super) grounds: Grounds,
    pub(super) class: &'static str,
}

impl RenderLayer {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>, metrics: Arc<Metrics>) -> Self {
        Self { live, metrics }
    }
}

impl<S> Layer<S> for RenderLayer {
    type Service = Render<S>;

    fn layer(&self, inner: S) -> Render<S> {
        Render { inner, live: Arc::clone(&self.live), metrics: Arc::clone(&self.metrics) }
    }
}

impl<S> Service<Request<Body>> for Render<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Rejection, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No service of the stack is ever busy: Limit refuses instead of waiting.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let live = self.live.load();
        let ids = Ids::take(&mut request, &live.random);
        drop(live);
        let version = request.version();
        let peer = (!request.body().is_end_stream()).then(|| request.extensions().get::<Peer>().cloned()).flatten();
        let answer = self.inner.call(request);
        let (live, metrics) = (Arc::clone(&self.live), Arc::clone(&self.metrics));
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(mut response) => {
                    count_permitted(&metrics, response.extensions_mut().remove::<Outcome>());
                    response
                }
                Err(rejection) => {
                    count_refused(&metrics, &rejection);
                    log_cause(&rejection, &ids);
                    // What is unread of the body must not become the next request.
                    if let Some(peer) = &peer {
                        peer.handle.linger();
                    }
                    let close = peer.is_some() && version <= Version::HTTP_11;
                    refusal::response(&rejection, &live.load().refusals, &ids, version, close)
                }
            };
            ids.put(response.headers_mut());
            Ok(response)
        })
    }
}

fn count_permitted(metrics: &Metrics, outcome: Option<Outcome>) {
    if let Some(outcome) = outcome {
        let labels = ResultLabels {
            route: outcome.route.pattern.as_written().to_owned(),
            result: "permitted",
            reason: outcome.grounds.code(),
            class: outcome.class,
        };
        metrics.requests.get_or_create(&labels).inc();
        if let Grounds::ReportOnly(denial) = outcome.grounds {
            let (route, class) = (labels.route, outcome.class);
            metrics.would_deny.get_or_create(&WouldDenyLabels { route, reason: denial.code(), class }).inc();
        }
    }
}

fn count_refused(metrics: &Metrics, rejection: &Rejection) {
    let labels = ResultLabels {
        route: rejection.route.as_ref().map_or_else(String::new, |route| route.pattern.as_written().to_owned()),
        result: "refused",
        reason: rejection.reason.code(),
        class: rejection.proof.as_ref().map_or("none", |proof| proof.principal.class()),
    };
    metrics.requests.get_or_create(&labels).inc();
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

/// Answers for a panic.
#[derive(Clone, Debug)]
pub(super) struct Panicked(pub(super) Arc<Metrics>);

impl ResponseForPanic for Panicked {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, cause: Box<dyn Any + Send + 'static>) -> Response<Body> {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no message");
        tracing::error!(cause = text, "a request panicked; this is a bug of the gateway");
        self.0.panics.inc();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}
