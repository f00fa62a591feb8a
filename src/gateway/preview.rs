//! What enforcement would find, for a caller who asks before the day: `ValidateMfa`, and the report header.
//!
//! Partner Center answers `ValidateMfa: true` with `isMfaCompliant`. Nothing here decides: it tells of the same rule.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Routed;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Evidence, Grounds, Mode, Requirement, complies};
use mfa_gateway_wire::Present;

/// By which a caller asks.
static VALIDATE_MFA: HeaderName = HeaderName::from_static("validatemfa");
/// By which it is answered.
static IS_MFA_COMPLIANT: HeaderName = HeaderName::from_static("ismfacompliant");
/// What enforcement would do with a request that it isn't in force for.
static MFA_REPORT: HeaderName = HeaderName::from_static("mfa-report");

/// The fields that an answer gets, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preview {
    /// The answer to `ValidateMfa`, if it was asked.
    pub(super) compliant: Option<bool>,
    /// The reason code of the refusal that enforcement would be, or `permit`; if it isn't in force for the caller.
    would: Option<&'static str>,
}

impl Preview {
    /// Reads what was asked, and looks ahead.
    pub(super) fn of(routed: &Routed, evidence: &Evidence, decision: &Decision, now: Timestamp) -> Self {
        let Evidence::Token(proof) = evidence else { return Self::default() };
        let Routed { exchange, route } = routed;
        let live = &exchange.live;
        let asked = exchange.present.has(Present::VALIDATE_MFA) && asks(exchange.request.headers());
        let would = match decision {
            Decision::Permit(Grounds::ReportOnly(denial)) => Some(denial.code()),
            Decision::Permit(_) if live.waivers.mode(&route.rule, proof, now) == Mode::Report => Some("permit"),
            _ => None,
        };
        let enforceable = live.refusals.report_header && matches!(route.rule.requirement, Requirement::Mfa { .. });
        Self {
            compliant: asked.then(|| complies(&route.rule, evidence, now)).flatten(),
            would: would.filter(|_| enforceable),
        }
    }

    /// Puts the fields into an answer, in place of the upstream's.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        if let Some(compliant) = self.compliant {
            headers.insert(&IS_MFA_COMPLIANT, HeaderValue::from_static(if compliant { "true" } else { "false" }));
        }
        match self.would {
            None => {}
            Some("permit") => _ = headers.insert(&MFA_REPORT, HeaderValue::from_static("would=permit")),
            Some(reason) => {
                if let Ok(value) = HeaderValue::from_str(&format!("would=deny, reason={reason}")) {
                    headers.insert(&MFA_REPORT, value);
                }
            }
        }
    }
}

/// Whether the caller asks, in exactly one field.
fn asks(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&VALIDATE_MFA).iter();
    let first = values.next();
    values.next().is_none() && first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}
