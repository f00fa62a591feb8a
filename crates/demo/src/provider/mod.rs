//! A small but real OpenID Connect provider on loopback, for the demo and for tests.
//!
//! It has discovery, a rotating RS256 key set, the authorization code flow with PKCE, pushed requests and form post,
//! `private_key_jwt`, rotating refresh tokens, client credentials, and sign-out in all three ways. Its pages ask who
//! signs in, for a password (any will do), and for MFA: of those whose company requires it at each sign-in, and of
//! everyone else when the application asks for it. Whoever does it for the first time registers first. A browser stays
//! signed in; a client that shows no pages and names a user with `login_hint` needs none.
//!
//! The same provider answers in the manner of Entra's v1 and v2 endpoints below `/common/`, with an issuer per tenant.
//! Below a tenant's id or domain, people sign in to that tenant, and refresh tokens give tokens of it, if it consented to
//! the application: `/{tenant}/oauth2/v2.0/authorize`, `/{tenant}/oauth2/token`, or `/{tenant}/token` with the issuer of
//! the root. MFA counts in the tenant in which it was done ([`TenantMfa`](crate::tenants::TenantMfa) has the exceptions).
//! Errors have Entra's numbers there.
//!
//! Tests can make it do what no honest provider would: [`Faults`] lists how. They can also register what an application
//! needs ([`Registration`]), end sessions, slow the provider down and let it go dark. Over HTTP, `/counts`, `/faults`,
//! `/clients/{id}`, `/sessions/end` and `/registrations` do the same for tests in other languages.

mod aadsts;
mod answer;
mod authorize;
mod back_channel;
mod broken;
mod browsers;
mod client_auth;
mod clients;
mod control;
mod counters;
mod directory;
mod elsewhere;
mod error;
mod exchange;
mod fault_set;
mod faults;
mod form;
mod grants;
mod html;
mod interaction;
mod issue;
mod keys;
mod logout;
mod loopback;
mod metadata;
mod page;
mod password;
mod pushed;
mod request;
mod respond;
mod routes;
mod server;
mod shape;
mod sign_in;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod tokens;
mod wanted;

pub(crate) use answer::{Answer, bytes, json, method_not_allowed, not_found, with_header};
pub use back_channel::Delivery;
pub use clients::{FrontChannel, Registration};
pub use counters::Counts;
pub use directory::Directory;
pub use fault_set::{
    AuthorizeFault, FaultSet, Instead, IssFault, Kind, MfaStep, NonceFault, Presence, RefreshTokenFault, ResponseFault,
    SignInFault, SignedBy, TokenFault,
};
pub use faults::Faults;
pub(crate) use form::Form;
pub(crate) use html::Pages;
pub(crate) use loopback::LoopbackServer;
pub use server::IdentityProvider;
pub use tokens::TokenOptions;
