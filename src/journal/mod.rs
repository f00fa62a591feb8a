//! The journal: what was decided and what was answered, a line for each.
//!
//! Decisions go into the log by default, and with `log.decision_output` into a log of their own, as JSON lines; answers
//! go into the access log, if there is one. A line names the route's pattern and never the path, the query or a token:
//! those hold secrets.

mod access;
mod decision;
mod outputs;
mod plain;
mod schema;
mod trace;

pub use access::AccessLine;
pub use decision::DecisionLine;
pub use schema::{access_log_schema, decision_log_schema};

pub(crate) use outputs::Outputs;

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use crate::clock::Timestamp;
use crate::config::LogDecisions;
use crate::policy::{Decision, Denial, Evidence, Grounds, Proof, Route, Waivers};
use crate::telemetry::Sink;
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
        wanted && (self.decisions.is_some() || tracing::enabled!(tracing::Level::INFO))
    }

    /// Writes a decision down.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        let client = entry.client.map(|client| client.to_string());
        let line = DecisionLine::of(entry, client.as_deref());
        match &self.decisions {
            Some(sink) => write(sink, &line),
            None => trace::decision(&line),
        }
    }

    /// Writes an answer down, if answers are.
    pub(crate) fn access(&self, line: &AccessLine<'_>) {
        if let Some(sink) = &self.accesses {
            write(sink, line);
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

fn write(sink: &Sink, line: &impl Serialize) {
    LINE.with_borrow_mut(|buffer| {
        buffer.clear();
        // Writing texts and numbers into memory doesn't fail.
        if line.serialize(&mut serde_json::Serializer::with_formatter(&mut *buffer, Plain)).is_ok() {
            buffer.push(b'\n');
            sink.write(buffer);
        }
    });
}

/// A time, as RFC 3339 in UTC with milliseconds.
pub(crate) fn time(at: Timestamp) -> String {
    let since = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}
