//! The stack: every layer of the data plane, and why it stands where it does.

use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Response;
use mfa_gateway_wire::Body;
use tower::{Service, ServiceBuilder};

use super::metrics::Metrics;
use super::service::Inner;
use super::{
    Arrived, AuthenticateLayer, CatchPanicLayer, Cleared, EnforceLayer, LimitLayer, Live, Proxy, RateLimitLayer,
    RenderLayer, RouteLayer, SanitizeLayer, Verdict,
};

/// The layers from the limit to the decision, over any last service: for benches and properties, which have no sockets.
#[cfg(feature = "in-process")]
pub fn decision_stack<S: Inner<Cleared> + Clone + Send + 'static>(
    live: Arc<ArcSwap<Live>>,
    last: S,
) -> impl Service<http::Request<Body>, Response = Response<Body>, Error = super::Rejection, Future: Send> + Clone {
    ServiceBuilder::new()
        .map_request(move |request| super::Opened::without_connection(request, live.load_full()))
        .layer(LimitLayer::new(usize::MAX))
        .layer(SanitizeLayer)
        .layer(RouteLayer)
        .layer(AuthenticateLayer)
        .layer(EnforceLayer)
        .layer(RateLimitLayer)
        .service(last)
}

/// The whole stack, which always responds.
pub(crate) trait Stack:
    Service<
        Arrived,
        Response = Response<Body>,
        Error = Infallible,
        Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
    > + Clone
    + Send
    + 'static
{
}

impl<S> Stack for S where
    S: Service<
            Arrived,
            Response = Response<Body>,
            Error = Infallible,
            Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
        > + Clone
        + Send
        + 'static
{
}

/// The stack, outermost layer first. Each layer takes only what the one before it makes: leaving one out, or swapping
/// two, is a compile error (`tests/compile_fail`).
pub(crate) fn stack(live: &Arc<ArcSwap<Live>>, metrics: &Arc<Metrics>, max_requests: usize) -> impl Stack + use<> {
    over(live, metrics, max_requests, Proxy)
}

/// The same stack for requests that another proxy carries: it ends in the verdict.
pub(crate) fn verdict_stack(
    live: &Arc<ArcSwap<Live>>,
    metrics: &Arc<Metrics>,
    max_requests: usize,
) -> impl Stack + use<> {
    over(live, metrics, max_requests, Verdict)
}

fn over<S: Inner<Cleared> + Clone + Send + 'static>(
    live: &Arc<ArcSwap<Live>>,
    metrics: &Arc<Metrics>,
    max_requests: usize,
    last: S,
) -> impl Stack + use<S> {
    ServiceBuilder::new()
        // A panic inside ends only this request.
        .layer(CatchPanicLayer::new(&metrics.panics))
        // Gives the request its ids, and one generation of the configuration that judges it; turns refusals into bytes,
        // which nothing else does; keeps the account.
        .layer(RenderLayer::new(Arc::clone(live), metrics))
        // Sheds load before anything is spent on a request.
        .layer(LimitLayer::new(max_requests))
        // Refuses requests that two servers could read differently; removes fields that only the gateway may set.
        .layer(SanitizeLayer)
        // Finds the request's route.
        .layer(RouteLayer)
        // Gathers evidence, and never refuses.
        .layer(AuthenticateLayer)
        // Decides. Requests that get past it are permitted.
        .layer(EnforceLayer)
        // Refuses callers who call too often: it sees permits, and can't make or change one.
        .layer(RateLimitLayer)
        .service(last)
}
