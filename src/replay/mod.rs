//! Rehearsal: decides recorded decisions again, under another configuration.
//!
//! It runs the live rule, [`mfa_gateway_core::policy::decide`], on what the decision log has of each request. What the log can't
//! tell is never guessed: such a decision counts as undetermined, with the reason why.

mod aggregate;
mod lines;
mod places;
mod rehearse;
mod report;

pub(crate) use aggregate::Aggregate;
pub(crate) use lines::Lines;
pub(crate) use rehearse::Rehearsal;
pub(crate) use report::{Changes, Report};
