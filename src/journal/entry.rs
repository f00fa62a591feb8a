//! A decision, before it becomes a line.

use std::net::IpAddr;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Grounds, Proof, Waivers};

use crate::routing::Route;

/// The customer whom a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Customer<'c> {
    /// The tenant's id, as the path has it.
    pub(crate) id: &'c str,
    /// Whether the configuration has a delegation of this customer, in force or not.
    pub(crate) delegates: bool,
}

/// A decision and its subject.
#[derive(Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) at: Timestamp,
    pub(crate) generation: u64,
    pub(crate) request_id: &'e str,
    pub(crate) correlation_id: &'e str,
    pub(crate) trace_id: Option<&'e str>,
    pub(crate) method: &'e http::Method,
    pub(crate) client: Option<IpAddr>,
    /// `bearer` or `session`.
    pub(crate) credential: &'static str,
    /// The session's id.
    pub(crate) session: Option<&'e str>,
    pub(crate) route: &'e Route,
    /// The customer that the path names, if the route's paths name one.
    pub(crate) customer: Option<Customer<'e>>,
    pub(crate) waivers: &'e Waivers,
    pub(crate) evidence: &'e Evidence,
    pub(crate) decision: &'e Decision,
    /// Which decisions the journal writes.
    pub(crate) logged: &'static str,
}

impl<'e> Entry<'e> {
    pub(super) fn proof(&self) -> Option<&'e Proof> {
        match self.evidence {
            Evidence::Token(proof) => Some(proof),
            _ => None,
        }
    }

    pub(super) fn denial(&self) -> Option<Denial> {
        match self.decision {
            Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) => Some(*denial),
            Decision::Permit(_) => None,
        }
    }
}
