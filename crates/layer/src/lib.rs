//! Evidence from a request's credential, or from the ID token of a sign-in.
//!
//! An [`Authenticator`] looks at what a request presents and tells what it proves. It never refuses: the decision has one
//! place, [`mfa_gateway_core::policy::decide`]. A [`ClientVerifier`] judges what an issuer makes for one client, ID tokens and
//! logout tokens, with the same keys and the same rule of MFA.

mod authenticator;
mod cache;
mod client;
mod credential;
mod ids;
mod issuer;
mod metrics;
mod preview;
mod proof;
mod refusal;

pub use authenticator::{Authenticator, Lookup, judge};
pub use client::{ClientVerifier, ClientVerifyError};
pub use credential::Credential;
pub use ids::Ids;
pub use issuer::Issuer;
pub use metrics::CacheMetrics;
pub use preview::Preview;
pub use refusal::{Expected, Refusal, Refusals, grpc_media_type};
