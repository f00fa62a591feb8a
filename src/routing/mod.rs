//! Routing: which route a request is for.
//!
//! A [`Route`] is a pattern with its upstream and the [`mfa_gateway_core::policy::Rule`] that a caller has to meet. The
//! [`RouteTable`] finds it on the [`CanonicalPath`], the one spelling of a path that is checked and forwarded.

mod boundary;
mod code_pages;
mod encoding;
mod path;
mod pattern;
mod readings;
mod route;
mod rule;
mod spelling;
mod table;

pub use path::CanonicalPath;
pub use pattern::Pattern;
pub use readings::Steps;
pub use route::{RateLimitId, Route, RouteId, UpstreamId};
pub use rule::{PathError, PathRule};
pub use table::{RouteError, RouteTable};

pub(crate) use boundary::crossed;
