//! A small but real OpenID Connect provider on loopback, for the demo and for tests.
//!
//! It has discovery, a rotating RS256 key set, the authorization code flow with PKCE, rotating refresh tokens and
//! client credentials. It asks for no password: it signs in every named user, with that user's `amr`.
//! Tests can also make it sign what no honest provider would, slow it down and let it go dark.

mod answer;
mod authorize;
mod error;
mod exchange;
mod form;
mod grants;
mod html;
mod keys;
mod loopback;
mod page;
mod routes;
mod server;
mod state;
mod tokens;

pub(crate) use answer::{Answer, bytes, json, method_not_allowed, not_found, with_header};
pub(crate) use form::Form;
pub(crate) use html::Pages;
pub(crate) use loopback::LoopbackServer;
pub use server::IdentityProvider;
pub use tokens::TokenOptions;
