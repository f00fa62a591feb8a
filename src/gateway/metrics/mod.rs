//! The metrics of requests: how they ended, how long they took, and which limits they hit.

mod delegations;
mod durations;
mod handles;
mod limits;
mod requests;
mod route;
mod series;

pub(crate) use delegations::DelegationMetrics;
pub(crate) use handles::Metrics;
pub(crate) use limits::{Limit, LimitMetrics};
pub(crate) use requests::RequestMetrics;
pub(crate) use route::RouteMetrics;
