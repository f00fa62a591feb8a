//! The data plane: one stack of layers, from a client's request to the upstream's response or a refusal.
//!
//! A request changes its type on the way, and each layer takes only the type that the layer before it makes (see
//! `pipeline.rs`). A [`Permitted`] has one constructor, which calls [`mfa_gateway_core::policy::decide`]; [`Proxy`]
//! takes only a permit that is [`Cleared`]. So leaving out a layer, swapping two, or making a permit elsewhere is a
//! compile error (`tests/compile_fail`).

mod accepted;
mod answer;
pub(crate) mod assertion;
mod authenticate;
mod broker;
mod browser;
mod catch_panic;
mod claim_trailers;
mod cors;
mod credentials;
mod enforce;
mod exchange;
mod expiry;
pub mod explain;
pub(crate) mod explain_now;
pub(crate) mod explain_session;
mod explained_token;
mod explanation;
mod forward;
mod grant;
mod host;
mod ids;
mod limit;
mod limiter;
mod live;
pub(crate) mod metrics;
mod no_body;
mod nonce;
mod only;
mod origin;
mod own_response;
mod peer;
mod pipeline;
mod proxy;
mod question;
mod rate_limit;
mod refusal;
mod rejection;
mod render;
mod resource;
mod rewrite;
mod route;
mod sanitize;
mod security_events;
mod service;
mod settings;
mod shown;
mod stack;
mod tally;
mod token_place;
mod trace;
mod tunnel;
mod upgrade;
mod verdict;
mod whole_body;

pub use assertion::Assertions;
pub use authenticate::{Authenticate, AuthenticateLayer};
pub use broker::ConsentFault;
pub use catch_panic::{CatchPanic, CatchPanicLayer, Caught};
pub use enforce::{Enforce, EnforceLayer};
pub use exchange::Arrived;
pub use limit::{Limit, LimitLayer};
pub use live::Live;
pub use pipeline::{Admitted, Authenticated, Cleared, Opened, Permitted, Routed, Sanitized, Shielded};
pub use proxy::Proxy;
pub use question::Question;
pub use rate_limit::{RateLimit, RateLimitLayer};
pub use rejection::{Notice, PathFault, Reason, Rejection};
pub use render::{Render, RenderLayer, Rendering};
pub use resource::Resource;
pub use route::{FindRoute, RouteLayer};
pub use sanitize::{Sanitize, SanitizeLayer};
pub use service::{Answer, Inner, Next};
pub use settings::{RateLimitKey, RateLimitSettings, Settings};

pub(crate) use browser::{Door, OperatorsDoor, SignedIn};
pub(crate) use limiter::RateLimiter;
pub(crate) use live::{Edge, Judge, LiveMetrics};
pub(crate) use only::only;
pub(crate) use peer::{Carried, Peer, Shown};
pub(crate) use stack::{Stack, stack, verdict_stack};
pub(crate) use verdict::{Granted, Verdict};

#[cfg(feature = "in-process")]
pub use stack::decision_stack;

pub use mfa_gateway_layer::{Expected, Refusals};
pub use mfa_gateway_wire::Body;
