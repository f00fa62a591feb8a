//! mfa-gateway lets a partner API be called only by users who completed multi-factor authentication.
//!
//! # Layout
//!
//! Five crates hold what others can use without the gateway (`crates/`); this one is the gateway. Modules stand in one
//! line; each imports only those before it (`tests/architecture` sees to that).
//!
//! | | |
//! |---|---|
//! | [`mfa_gateway_core`] | the domain: tokens and the rule. Pure: no async, no I/O, time as an argument |
//! | [`mfa_gateway_wire`] | bytes: guards around hyper's streams, bodies, header fields, upgrades |
//! | [`mfa_gateway_keys`] | an issuer's keys over time |
//! | [`mfa_gateway_layer`] | evidence from a request's credential, refusals, and the library's layer |
//! | [`mfa_gateway_demo`] | an identity provider, a partner API and a portal, for the demo and the tests |
//! | `visible`, `telemetry` | text that is safe in a terminal; log and traces |
//! | [`routing`] | paths and the routes that they match |
//! | [`upstream`] | the outside: upstreams, their endpoints and connections |
//! | [`journal`] | decisions and responses, written down |
//! | [`report`] | which share of the requests of users came with MFA |
//! | [`oidc`] | what is said to an issuer when people sign in |
//! | `introspection` | tokens that only their issuer can read |
//! | [`consent`] | what programs use that run unattended: consents of people |
//! | [`vendors`] | control panel vendors, and the customers of their partners |
//! | [`session`] | the sessions of people who signed in |
//! | `events` | security events: what an issuer ends while it lasts |
//! | [`pages`] | the pages that people see: of a sign-in that fails, of a role that lacks, of their sessions |
//! | [`gateway`], [`server`] | the stack of layers; the connections that it serves |
//! | [`faces`] | the same decision for proxies that carry the requests themselves |
//! | `exceptions` | technical exceptions that people ask for, step by step |
//! | [`config`] | one file becomes the settings of all components, and they are always valid |
//! | [`library`] | the rule of a configuration file, for a service with the library |
//! | `replay`, `admin` | rehearsals; the admin listener |
//! | [`App`], [`demo`], [`cli`] | assembly: everything made, run and drained |
//!
//! # The path of a request
//!
//! A socket gives a [`gateway::Arrived`]. Each layer takes the type that the layer before it makes, up to a
//! [`gateway::Permitted`], whose one constructor calls [`mfa_gateway_core::policy::decide`], and a [`gateway::Cleared`],
//! which is all that [`gateway::Proxy`] takes. A refusal goes back the same way as a [`gateway::Rejection`] and becomes
//! bytes in [`gateway::Render`].

mod visible;

mod telemetry;

pub mod routing;

pub mod upstream;

pub mod journal;

pub mod report;

pub mod oidc;

mod introspection;

pub mod consent;

pub mod vendors;

pub mod session;

mod events;

pub mod pages;

pub mod gateway;

pub mod faces;

pub mod server;

mod exceptions;

pub mod config;

pub mod library;

mod replay;

mod admin;

mod app;
pub mod cli;
pub mod demo;

pub use app::App;
