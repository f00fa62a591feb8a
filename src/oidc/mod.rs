//! The relying party: what the gateway says to an issuer when people sign in, and what it makes of the answers.
//!
//! A [`Client`] is one registration at one issuer. It builds [`AuthorizationRequest`]s, exchanges codes and refresh tokens at
//! the token endpoint, and knows where a browser signs out. [`CallbackParameters`] is what a browser brings back. ID tokens are
//! verified elsewhere, by [`mfa_gateway_layer::ClientVerifier`]; nothing here knows of sessions or cookies.
//!
//! | | |
//! |---|---|
//! | `settings`, `secret`, `signing_key` | the client: who it is, and how it proves that |
//! | `tenant` | the tenant that people sign in to, and its endpoints |
//! | `asks`, `step_up` | what is asked of the issuer beyond a sign-in, by product |
//! | `pkce`, `request`, `end_session` | what a browser takes to the issuer |
//! | `callback`, `issuer_error` | what it brings back |
//! | `authentication`, `client`, `tokens`, `token_error` | what is said behind its back |

mod asks;
mod authentication;
mod callback;
mod client;
mod end_session;
mod issuer_error;
mod pkce;
mod request;
mod secret;
mod settings;
mod signing_key;
mod step_up;
mod tenant;
mod token_error;
mod tokens;

pub use asks::Asks;
pub use callback::{CallbackError, CallbackParameters, CallbackResponse};
pub use client::{Client, ParError};
pub use end_session::{EndSession, end_session_url};
pub use issuer_error::IssuerError;
pub use pkce::Pkce;
pub use request::{AuthorizationRequest, is_reserved};
pub use secret::Secret;
pub use settings::{AssertionAudience, ClientAuthentication, ClientSettings, ResponseMode};
pub use signing_key::{SigningKey, SigningKeyError};
pub use tenant::{TenantEndpoint, TenantEndpoints, TenantId};
pub use token_error::{IssuerTrace, TokenEndpointError, TokenEndpointErrorKind};
pub use tokens::{Refreshed, Tokens};
