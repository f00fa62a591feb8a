//! Evidence from a request's credential.
//!
//! An [`Authenticator`] looks at what a request presents and tells what it proves. It never refuses: the decision has one
//! place, [`mfa_gateway_core::policy::decide`].

mod authenticator;
mod cache;
mod credential;
mod issuer;
mod metrics;

pub use authenticator::{Authenticator, Lookup, judge};
pub use credential::Credential;
pub use issuer::Issuer;
pub use metrics::CacheMetrics;
