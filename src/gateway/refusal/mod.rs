//! Refusals: those of the rule, which the layer's crate words, and the gateway's own.
//!
//! [`response`] assembles them; [`texts`] has the words of those that are no decision of the rule.

mod response;
mod texts;

pub(crate) use response::{Asked, add_remedies, response};
pub(crate) use texts::texts;
