//! Writes lines: which to write, and where they go.

use std::borrow::Cow;
use std::cell::RefCell;

use mfa_gateway_core::clock::now_rfc3339;
use mfa_gateway_core::policy::Decision;

use super::line::in_line;
use super::{AccessLine, DecisionLine, Entry, LogDecisions, TokenLine, trace};
use crate::telemetry::{Sink, json_log};
use crate::visible::visible;

/// Writes decisions and responses.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) which: LogDecisions,
    /// The output for decisions, if not the diagnostics log.
    pub(crate) decisions: Option<Sink>,
    pub(crate) accesses: Option<Sink>,
    /// The output for access tokens of consents, if not the diagnostics log.
    pub(crate) tokens: Option<Sink>,
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

    /// Writes who got an access token of a consent, or why nobody did.
    pub(crate) fn token(&self, line: &TokenLine<'_>) {
        match &self.tokens {
            Some(sink) => write(sink, |buffer| in_line(buffer, line)),
            None => told(line),
        }
    }

    /// Writes a response, if responses are logged.
    pub(crate) fn access(&self, line: &AccessLine<'_>) {
        if let Some(sink) = &self.accesses {
            write(sink, |buffer| in_line(buffer, line));
        }
    }
}

/// The token line in the diagnostics log, for people.
fn told(line: &TokenLine<'_>) {
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(|text| visible(text).into_owned());
    tracing::info!(
        request_id = &*line.request_id,
        caller = text(&line.caller),
        application = text(&line.application),
        consent = &*line.consent,
        tenant = text(&line.tenant),
        scope = text(&line.scope),
        way = &*line.way,
        result = &*line.result,
        why = text(&line.why),
        token_hash = text(&line.token_hash),
        issuer_request_id = text(&line.issuer_request_id),
        "token"
    );
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
