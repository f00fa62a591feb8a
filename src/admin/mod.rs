//! The admin listener: a second address, so that the traffic port serves nothing of this.
//!
//! Health and metrics are for machines and open unless the configuration says otherwise. All else is for operators, who
//! show a token of a file or sign in with MFA: the gateway's own [`access`] is judged by the gateway's own rule. Without
//! `admin.authentication` nobody is an operator, and what is theirs stays closed.
//!
//! A router hands a request to its handler, which reads [`Admin`]; the connections are served like those of the traffic port, by the same code. What only
//! the assembly can do, a reload, is asked of it through [`Reloads`].

mod access;
mod configuration;
mod context;
mod described;
mod explain;
mod exposition;
mod guard;
mod health;
mod issuers;
mod metrics;
mod openapi;
mod page;
mod posted;
mod refused;
mod reload;
mod reloads;
mod respond;
mod router;
mod routes;
mod service;
mod state;

pub(crate) use access::Access;
pub(crate) use context::Admin;
pub(crate) use exposition::Exposition;
pub(crate) use reloads::{Reloaded, Reloads};
pub(crate) use service::service;
pub(crate) use state::State;
