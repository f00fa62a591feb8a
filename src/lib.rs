//! mfa-gateway lets a partner API be called only by users who completed multi-factor authentication.
//!
//! # Layout
//!
//! Modules stand in one line; each imports only those before it (`tests/architecture` sees to that).
//!
//! | | |
//! |---|---|
//! | [`clock`], [`random`] | time and chance, the two injected seams |
//! | `json`, `net`, `telemetry` | objects written as they go; bodies, header sets, outbound fetches; log and traces |
//! | [`token`], [`policy`] | the domain: pure, without async and I/O, with time as an argument |
//! | [`upstream`] | the outside: backends |
//! | [`journal`] | decisions and answers, written down |
//! | [`gateway`], [`server`] | the stack of layers; the connections that it serves |
//! | [`config`] | one file becomes the settings of all components, and they are always valid |
//! | `admin`, `replay` | health and metrics; rehearsals |
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

pub mod upstream;

pub mod journal;

pub mod gateway;

pub mod server;

pub mod config;

mod admin;
mod replay;

mod app;
pub mod cli;
pub mod demo;

pub use app::App;
