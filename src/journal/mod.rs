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

use crate::config::LogDecisions;
use crate::json::{self, Object};
use crate::routing::Route;
use crate::telemetry::{Sink, json_log};
use mfa_gateway_core::clock::{Rfc3339, Timestamp};
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
        let client = entry.client.map(address);
        let line = |time| DecisionLine::of(entry, time, client.as_deref());
        match (&self.decisions, json_log()) {
            (Some(sink), _) => {
                let time = Rfc3339::of_millis(entry.at);
                let line = line(time.as_str());
                write(sink, |buffer| in_line(buffer, |object| line.write(object)));
            }
            (None, Some(log)) => {
                // As the log's other lines have it: with microseconds.
                let time = Rfc3339::now();
                let line = line(time.as_str());
                write(log, |buffer| trace::write(buffer, &line));
            }
            (None, None) => trace::decision(&line("")),
        }
    }

    /// Writes an answer down, if answers are.
    pub(crate) fn access(&self, line: &AccessLine<'_>) {
        if let Some(sink) = &self.accesses {
            write(sink, |buffer| in_line(buffer, |object| line.write(object)));
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

/// Writes an object, with what is odd in its texts escaped.
fn in_line(buffer: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::escaping(buffer, |buffer, text| json::escape(buffer, text, Plain));
    write(&mut object);
    object.end();
}

/// An address as its own `Display` has it, which does more for IPv4 than is needed.
fn address(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity(15);
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
            if octet >= least {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// A time, as RFC 3339 in UTC with milliseconds.
pub(crate) fn time(at: Timestamp) -> String {
    Rfc3339::of_millis(at).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_its_display_makes_of_it() {
        for text in ["0.0.0.0", "127.0.0.1", "255.100.99.10", "9.200.101.109", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert_eq!(address(text.parse().unwrap()), text);
        }
    }
}
