//! A refusal: its status, header fields and body, in the caller's dialect.
//!
//! A [`Refusal`] has the facts, and words the parts that all dialects share. Each dialect's own parts are in one file:
//! [`partner_center`] (2019's documented response, today's error codes) and [`oauth`] (RFC 6750, RFC 9470, RFC 9457).
//! Public texts are fixed per reason, but for the names of claims in the configuration. A refusal repeats only verified
//! facts about a token: class, version, `amr` and the claims that the issuer's rule reads, up to a limit, in the body,
//! escaped as JSON.

mod body;
mod facts;
mod fields;
mod grpc;
mod oauth;
mod partner_center;
mod seen;
mod sender;
mod settings;

pub use facts::Refusal;
pub use grpc::media_type as grpc_media_type;
pub use settings::{Expected, Refusals};
