//! The data plane: one stack of layers, from a client's request to the upstream's answer or a refusal.
//!
//! A request changes its type on the way: [`Arrived`] → [`Exchange`] → [`Routed`] → [`Authenticated`] → [`Permitted`], and
//! [`Proxy`] takes only the last. A [`Permitted`] has one constructor, which calls [`mfa_gateway_core::policy::decide`]; so to leave
//! out the enforcement, to swap two layers, or to make a permit elsewhere is a compile error (`tests/compile_fail`).

mod answer;
mod authenticate;
mod catch_panic;
mod enforce;
mod exchange;
pub mod explain;
mod explanation;
mod forward;
mod host;
mod limit;
mod live;
mod origin;
mod pipeline;
mod preview;
mod proxy;
mod rate_limit;
pub(crate) mod refusal;
mod rejection;
mod render;
mod route;
mod sanitize;
mod tally;
mod trace;
mod upgrade;

use catch_panic::CatchPanicLayer;

pub use authenticate::{Authenticate, AuthenticateLayer};
pub use enforce::{Enforce, EnforceLayer};
pub use limit::{Limit, LimitLayer};
pub use live::Live;
pub use pipeline::{Authenticated, Permitted, Routed};
pub use proxy::Proxy;
pub use rate_limit::{RateLimit, RateLimitLayer};
pub use rejection::{Notice, Reason, Rejection};
pub use render::{Render, RenderLayer, Rendering};
pub use route::{FindRoute, RouteLayer};
pub use sanitize::{Sanitize, SanitizeLayer};

pub(crate) use exchange::Peer;
pub use exchange::{Arrived, Exchange};
pub(crate) use rate_limit::RateLimiter;

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::Either;
use http::{Request, Response};
use tower::util::MapRequest;
use tower::{Layer, Service, ServiceBuilder};

pub use mfa_gateway_wire::Body;

use crate::telemetry::Metrics;

/// What every service inside [`Render`] comes to.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Rejection>> + Send>>;

/// What a layer comes to: most requests are the next service's, and the layer's own answer is the exception.
pub type Next<F> = Either<F, Answer>;

/// A service inside [`Render`].
pub trait Inner<T>:
    Service<
        T,
        Response = Response<Body>,
        Error = Rejection,
        Future: Future<Output = Result<Response<Body>, Rejection>> + Send + Unpin + 'static,
    >
{
}

impl<T, S> Inner<T> for S where
    S: Service<
            T,
            Response = Response<Body>,
            Error = Rejection,
            Future: Future<Output = Result<Response<Body>, Rejection>> + Send + Unpin + 'static,
        >
{
}

/// A layer's own refusal.
fn refuse<F>(rejection: Rejection) -> Next<F> {
    Either::Right(Box::pin(ready(Err(rejection))))
}

/// The stack, outermost layer first.
pub(crate) fn stack(
    live: &Arc<ArcSwap<Live>>,
    metrics: &Arc<Metrics>,
    max_requests: usize,
) -> impl Service<
    Arrived,
    Response = Response<Body>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ use<> {
    ServiceBuilder::new()
        // Whatever panics inside ends this request only.
        .layer(CatchPanicLayer::new(metrics))
        // Gives the request its ids, and the configuration it is judged by, in one version; turns refusals into bytes,
        // which nothing else does; keeps the account.
        .layer(RenderLayer::new(Arc::clone(live), metrics))
        // Sheds load before anything is spent on a request.
        .layer(LimitLayer::new(max_requests))
        // Refuses what two servers could read differently; removes what only the gateway may say.
        .layer(SanitizeLayer)
        // Finds what the request is for.
        .layer(RouteLayer)
        // Gathers evidence, and never refuses.
        .layer(AuthenticateLayer)
        // Decides. What gets past it is permitted.
        .layer(EnforceLayer)
        // Refuses those who call too often: it sees permits, and can't make or change one.
        .layer(RateLimitLayer)
        .service(Proxy)
}

/// The typed part of the stack alone, for benches: everything from routing to the decision, over any last service.
#[doc(hidden)]
pub fn decision_stack<S: Inner<Permitted> + Clone + Send + 'static>(
    live: Arc<ArcSwap<Live>>,
    last: S,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Rejection, Future: Send> + Clone {
    let stack = RouteLayer.layer(AuthenticateLayer.layer(EnforceLayer.layer(last)));
    MapRequest::new(stack, move |request| Exchange::begin(request, None, live.load_full()))
}
