//! The journal: what was decided and what was answered, a line for each.
//!
//! Decisions go into the log by default, and with `log.decision_output` into a log of their own, as JSON lines; answers
//! go into the access log, if there is one. A line names the route's pattern and never the path, the query or a token:
//! those hold secrets.

mod access;
mod decision;
mod members;
mod outputs;
mod plain;
mod schema;
mod settings;
mod trace;

pub use access::AccessLine;
pub use decision::DecisionLine;
pub use schema::{access_log_schema, decision_log_schema};
pub use settings::{LogDecisions, Settings};

pub(crate) use outputs::Outputs;

use std::cell::RefCell;
use std::net::IpAddr;

use serde::Serialize;

use crate::json::{self, Object};
use crate::routing::Route;
use crate::telemetry::{Sink, json_log};
use members::members;
use mfa_gateway_core::clock::{Timestamp, now_rfc3339};
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Grounds, Proof, Waivers};
use plain::Plain;

/// Writes decisions and answers down.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) which: LogDecisions,
    /// Where decisions go, if not into the log.
    pub(crate) decisions: Option<Sink>,
    pub(crate) accesses: Option<Sink>,
}

/// A decision and what it was about.
#[derive(Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) at: Timestamp,
    pub(crate) generation: u64,
    pub(crate) request_id: &'e str,
    pub(crate) correlation_id: &'e str,
    pub(crate) trace_id: Option<&'e str>,
    pub(crate) method: &'e http::Method,
    pub(crate) client: Option<IpAddr>,
    pub(crate) route: &'e Route,
    pub(crate) waivers: &'e Waivers,
    pub(crate) evidence: &'e Evidence,
    pub(crate) decision: &'e Decision,
}

impl Journal {
    /// Whether a decision is written down.
    pub(crate) fn wants(&self, decision: &Decision) -> bool {
        let noteworthy = !matches!(decision, Decision::Permit(grounds) if !grounds.is_waiver());
        let wanted = match self.which {
            LogDecisions::All => true,
            LogDecisions::Denied => noteworthy,
            LogDecisions::None => false,
        };
        wanted && (self.decisions.is_some() || trace::is_wanted())
    }

    /// Writes a decision down.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        match (&self.decisions, json_log()) {
            (Some(sink), _) => {
                let time = entry.at.to_rfc3339();
                write(sink, |buffer| in_line(buffer, &DecisionLine::of(entry, &time)));
            }
            (None, Some(log)) => {
                // As the log's other lines have it: with microseconds.
                let time = now_rfc3339();
                write(log, |buffer| trace::write(buffer, &DecisionLine::of(entry, &time)));
            }
            (None, None) => trace::decision(&DecisionLine::of(entry, "")),
        }
    }

    /// Writes an answer down, if answers are.
    pub(crate) fn access(&self, line: &AccessLine<'_>) {
        if let Some(sink) = &self.accesses {
            write(sink, |buffer| in_line(buffer, line));
        }
    }
}

impl<'e> Entry<'e> {
    fn proof(&self) -> Option<&'e Proof> {
        match self.evidence {
            Evidence::Token(proof) => Some(proof),
            _ => None,
        }
    }

    fn denial(&self) -> Option<Denial> {
        match self.decision {
            Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) => Some(*denial),
            Decision::Permit(_) => None,
        }
    }
}

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn write(sink: &Sink, line: impl FnOnce(&mut Vec<u8>)) {
    LINE.with_borrow_mut(|buffer| {
        buffer.clear();
        line(buffer);
        buffer.push(b'\n');
        sink.write(buffer);
    });
}

/// Writes a line as an object, with what is odd in its texts escaped.
fn in_line(buffer: &mut Vec<u8>, line: &impl Serialize) {
    let mut object = Object::escaping(buffer, |buffer, text| json::escape(buffer, text, Plain));
    members(line, &mut object);
    object.end();
}
