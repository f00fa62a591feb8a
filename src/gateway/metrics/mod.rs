//! The metrics of requests: how they ended, how long they took, and which limits they hit.

mod delegations;
mod handles;
mod limits;
mod requests;

pub(crate) use delegations::DelegationMetrics;
pub(crate) use handles::Metrics;
pub(crate) use limits::{Limit, LimitMetrics};
pub(crate) use requests::{RequestMetrics, RouteMetrics};
