//! The broker: what a program gets of a consent, that never sees a refresh token.
//!
//! A program is judged as any caller: its app-only token, or its client certificate, is the evidence, and the rule decides. Only
//! a permitted request comes here. Then [`permission`] looks whether the program is listed for the consent, the scope and the
//! tenant. A route with a consent has the access token put into the request for its upstream ([`inject()`]); a route that
//! serves the broker gives it out ([`respond()`]).

mod certificate;
mod endpoint;
mod fault;
mod inject;
mod permission;
mod told;

pub(super) use certificate::evidence;
pub(super) use endpoint::respond;
pub(super) use inject::inject;

pub use fault::ConsentFault;
