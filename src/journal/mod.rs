//! The journal: one line per decision and one per response.
//!
//! Decisions go into the log by default, and with `log.decision_output` into a log of their own, as JSON lines;
//! responses go into the access log, if there is one. A line names the route's pattern and never the path, the query or
//! a token: those contain secrets.

mod access;
mod decision;
mod entry;
mod line;
mod lines;
mod listed;
mod members;
mod outputs;
mod plain;
mod read_claim;
mod schema;
mod settings;
mod token;
mod trace;
mod writer;

pub use access::AccessLine;
pub use decision::DecisionLine;
pub use read_claim::ReadClaims;
pub use schema::{access_log_schema, decision_log_schema, token_log_schema};
pub use settings::{LogDecisions, Settings};
pub use token::TokenLine;

pub(crate) use entry::{Customer, Entry};
pub(crate) use lines::{Line, Lines};
pub(crate) use outputs::Outputs;
pub(crate) use writer::Journal;
