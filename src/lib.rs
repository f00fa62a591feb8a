//! mfa-gateway lets a partner API be called only by users who completed multi-factor authentication.
//!
//! # Layout
//!
//! Modules stand in one line; each imports only those before it (`tests/architecture` sees to that).
//!
//! | | |
//! |---|---|
//! | [`clock`], [`random`] | time and chance, the two injected seams |
//! | `json`, `net`, `telemetry` | objects written as they go; bodies, header sets, outbound fetches; log and metrics |
//! | [`token`], [`policy`] | the domain: pure, without async and I/O, with time as an argument |
//! | [`config`] | one file becomes a configuration that is always valid |
//! | `oidc`, `jwks`, `upstream` | the outside: metadata, keys, backends |
//! | `authenticator`, `journal` | evidence from a request; decisions to the log |
//! | [`gateway`], `admin`, `replay` | the surfaces: the stack of layers; health and metrics; rehearsals |
//! | [`App`], [`demo`], [`cli`] | assembly: everything made, run and drained |
//!
//! # The path of a request
//!
//! A socket gives a `Request<Body>`; routing makes it a [`gateway::Routed`], authentication an
//! [`gateway::Authenticated`], and the one decision, [`policy::decide`], a [`gateway::Permitted`], which is all that
//! [`gateway::Proxy`] takes. A refusal goes back the same way as a [`gateway::Rejection`] and becomes bytes in
//! [`gateway::Render`].

mod json;
mod telemetry;

pub mod routing;

pub mod config;

mod upstream;

pub mod journal;

mod admin;
pub mod gateway;
mod replay;

mod app;
pub mod cli;
pub mod demo;

pub use app::App;
