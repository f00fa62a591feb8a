//! Routing: which route a request is for.
//!
//! A [`Route`] is a pattern with its upstream and the [`mfa_gateway_core::policy::Rule`] that a caller has to meet. The
//! [`RouteTable`] finds it on the [`CanonicalPath`], the one spelling of a path that is checked and forwarded.

mod path;
mod pattern;
mod route;
mod spelling;
mod table;

pub use path::{CanonicalPath, PathError};
pub use pattern::Pattern;
pub use route::{RateLimitId, Route, RouteId, UpstreamId};
pub use table::{RouteError, RouteTable};
