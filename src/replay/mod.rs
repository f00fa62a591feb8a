//! Rehearsal: decides recorded decisions again, under another configuration.
//!
//! It runs the live rule, [`mfa_gateway_core::policy::decide`], on the decision log's facts about each request. Facts
//! that the log lacks are never guessed: such a decision counts as undetermined, with the reason.

mod aggregate;
mod caller;
#[cfg(test)]
mod contexts;
#[cfg(test)]
mod facts;
mod places;
#[cfg(test)]
mod recorded_roles;
mod rehearse;
mod report;
mod why;

pub(crate) use aggregate::Aggregate;
pub(crate) use rehearse::Rehearsal;
pub(crate) use report::{Changes, Conclusion, Report};
