//! The data plane: one stack of layers, from a client's request to the upstream's answer or a refusal.
//!
//! A request changes its type on the way: `Request<Body>` → [`Routed`] → [`Authenticated`] → [`Permitted`], and
//! [`Proxy`] takes only the last. A [`Permitted`] has one constructor, which calls [`crate::policy::decide`]; so to leave
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
pub use render::{Render, RenderLayer};
pub use route::{FindRoute, RouteLayer};
pub use sanitize::{Sanitize, SanitizeLayer};

pub(crate) use exchange::{Ids, Peer};
pub(crate) use rate_limit::RateLimiter;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response};
use tower::{Layer, Service, ServiceBuilder};

pub use crate::net::Body;

use crate::telemetry::Metrics;

/// What every service inside [`Render`] comes to.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Rejection>> + Send>>;

/// What [`Render`] comes to: a refusal has become an answer.
pub type Rendered = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The stack, outermost layer first.
pub(crate) fn stack(
    live: &Arc<ArcSwap<Live>>,
    metrics: &Arc<Metrics>,
    max_requests: usize,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ use<> {
    ServiceBuilder::new()
        // Whatever panics inside ends this request only.
        .layer(CatchPanicLayer::new(metrics))
        // Gives the request its ids; turns refusals into bytes, which nothing else does; keeps the account.
        .layer(RenderLayer::new(Arc::clone(live)))
        // Sheds load before anything is spent on a request.
        .layer(LimitLayer::new(max_requests, metrics))
        // Refuses what two servers could read differently; removes what only the gateway may say.
        .layer(SanitizeLayer::new(Arc::clone(live)))
        // Fixes route and configuration: what follows sees one version.
        .layer(RouteLayer::new(Arc::clone(live)))
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
pub fn decision_stack<S>(live: Arc<ArcSwap<Live>>, last: S) -> FindRoute<Authenticate<Enforce<S>>> {
    RouteLayer::new(live).layer(AuthenticateLayer.layer(EnforceLayer.layer(last)))
}
