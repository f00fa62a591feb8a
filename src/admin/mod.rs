//! The admin listener: a second address, so that the traffic port serves nothing of this.
//!
//! Health and metrics are for machines and open unless the configuration says otherwise. Everything else is for
//! operators, who show a token from a file or sign in with MFA: the gateway's own rule judges [`access`] to the
//! gateway. Without `admin.authentication` there are no operators, and the protected paths stay closed.
//!
//! A router hands a request to its handler, which reads [`Admin`]. The code that serves the traffic port's connections
//! serves these too. A reload is the assembly's to do: [`Reloads`] requests it.

mod access;
mod assertion;
mod browsers;
mod configuration;
mod consents;
mod context;
mod delegations;
mod described;
mod entrance;
mod exceptions;
mod explain;
mod exposition;
mod guard;
mod health;
mod issuers;
mod metrics;
mod openapi;
mod operator;
mod page;
mod pieces;
mod posted;
mod probe;
mod readiness;
mod refused;
mod reload;
mod reloads;
mod report;
mod respond;
mod router;
mod routes;
mod service;
mod sessions;
mod site;
mod state;
mod vendors;

pub(crate) use access::Access;
pub(crate) use context::Admin;
pub(crate) use exposition::Exposition;
pub(crate) use readiness::{Phase, Readiness};
pub(crate) use reloads::{Reloaded, Reloads};
pub(crate) use service::service;
pub(crate) use state::State;
