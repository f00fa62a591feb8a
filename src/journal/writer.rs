//! Writes lines: which to write, and where they go.

use std::cell::RefCell;

use mfa_gateway_core::clock::now_rfc3339;
use mfa_gateway_core::policy::Decision;

use super::line::in_line;
use super::{AccessLine, DecisionLine, Entry, LogDecisions, trace};
use crate::telemetry::{Sink, json_log};

/// Writes decisions and responses.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) which: LogDecisions,
    /// The output for decisions, if not the diagnostics log.
    pub(crate) decisions: Option<Sink>,
    pub(crate) accesses: Option<Sink>,
}

impl Journal {
    /// Whether a decision is written.
    pub(crate) fn wants(&self, decision: &Decision) -> bool {
        let noteworthy = !matches!(decision, Decision::Permit(grounds) if !grounds.is_waiver());
        let wanted = match self.which {
            LogDecisions::All => true,
            LogDecisions::Denied => noteworthy,
            LogDecisions::None => false,
        };
        wanted && (self.decisions.is_some() || trace::is_wanted())
    }

    /// Writes a decision.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        match (&self.decisions, json_log()) {
            (Some(sink), _) => {
                let time = entry.at.to_rfc3339();
                write(sink, |buffer| in_line(buffer, &DecisionLine::of(entry, &time)));
            }
            (None, Some(log)) => {
                // In the form of the log's other lines: with microseconds.
                let time = now_rfc3339();
                write(log, |buffer| trace::write(buffer, &DecisionLine::of(entry, &time)));
            }
            (None, None) => trace::decision(&DecisionLine::of(entry, "")),
        }
    }

    /// Writes a response, if responses are logged.
    pub(crate) fn access(&self, line: &AccessLine<'_>) {
        if let Some(sink) = &self.accesses {
            write(sink, |buffer| in_line(buffer, line));
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
