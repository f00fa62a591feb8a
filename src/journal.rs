//! The journal: one line per decision, in the log.
//!
//! A line names the route's pattern and never the path, the query or a token: those hold secrets.

use std::net::IpAddr;

use crate::config::LogDecisions;
use crate::policy::{Decision, Denial, Evidence, Grounds, Route};

/// Writes decisions to the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal(pub(crate) LogDecisions);

/// A decision and what it was about.
#[derive(Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) request_id: &'e str,
    pub(crate) correlation_id: &'e str,
    pub(crate) method: &'e http::Method,
    pub(crate) client: Option<IpAddr>,
    pub(crate) route: &'e Route,
    pub(crate) evidence: &'e Evidence,
    pub(crate) decision: &'e Decision,
}

impl Journal {
    /// Writes a decision, if such decisions are logged.
    pub(crate) fn record(self, entry: &Entry<'_>) {
        let denial = match entry.decision {
            Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) => Some(*denial),
            Decision::Permit(_) => None,
        };
        let noteworthy = denial.is_some() || matches!(entry.decision, Decision::Permit(Grounds::Exempt(_)));
        let wanted = match self.0 {
            LogDecisions::All => true,
            LogDecisions::Denied => noteworthy,
            LogDecisions::None => false,
        };
        if wanted && tracing::enabled!(tracing::Level::INFO) {
            write(entry, denial);
        }
    }
}

fn write(entry: &Entry<'_>, denial: Option<Denial>) {
    let proof = match entry.evidence {
        Evidence::Token(proof) => Some(proof),
        _ => None,
    };
    let app = proof.and_then(|proof| proof.principal.app().id.as_deref());
    let user = proof.and_then(|proof| proof.principal.user()).and_then(|user| user.id.as_deref());
    let (decision, grounds, exception) = match entry.decision {
        Decision::Deny(_) => ("deny", None, None),
        Decision::Permit(Grounds::Exempt(id)) => ("permit", Some("exempt"), Some(id.as_str())),
        Decision::Permit(grounds) => ("permit", Some(grounds.code()), None),
    };
    tracing::info!(
        request_id = entry.request_id,
        correlation_id = entry.correlation_id,
        method = entry.method.as_str(),
        route = entry.route.pattern.as_written(),
        client = entry.client.map(tracing::field::display),
        issuer = proof.map(|proof| proof.issuer.name.as_str()),
        class = proof.map(|proof| proof.principal.class()),
        tenant = proof.and_then(|proof| proof.tenant.as_deref()),
        application = app,
        user,
        amr = proof.map(|proof| tracing::field::debug(proof.amr.methods())),
        decision,
        grounds,
        exception,
        reason = denial.map(Denial::code),
        check = denial.map(|denial| denial.check().name()),
        "decision"
    );
}
