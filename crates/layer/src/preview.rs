//! The decision that enforcement would make, for a caller who asks ahead of time: `ValidateMfa`, and the report field.
//!
//! Partner Center answers `ValidateMfa: true` with `isMfaCompliant`. Nothing here decides: it reports on the same rule.

use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Evidence, Grounds, Mode, Requirement, Rule, Waivers, complies};

/// The field by which a caller asks.
static VALIDATE_MFA: HeaderName = HeaderName::from_static("validatemfa");
/// The field that responds to it.
static IS_MFA_COMPLIANT: HeaderName = HeaderName::from_static("ismfacompliant");
/// The effect that enforcement would have on a request that it doesn't apply to yet.
static MFA_REPORT: HeaderName = HeaderName::from_static("mfa-report");

/// The fields that every response gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The result of `ValidateMfa`, if the caller asked.
    pub compliant: Option<bool>,
    /// The reason code of the refusal under enforcement, or `permit`; if enforcement doesn't apply to the caller yet.
    pub would: Option<&'static str>,
}

impl Preview {
    /// Looks ahead: `asked` is whether the caller asks, and `reports` whether responses in report mode say what enforcement
    /// would have done.
    #[must_use]
    pub fn of(
        (asked, reports): (bool, bool),
        rule: &Rule,
        evidence: &Evidence,
        decision: &Decision,
        waivers: &Waivers,
        now: Timestamp,
    ) -> Self {
        let Evidence::Token(proof) = evidence else { return Self::default() };
        let would = match decision {
            Decision::Permit(Grounds::ReportOnly(denial)) => Some(denial.code()),
            Decision::Permit(_) if waivers.mode(rule, proof, now) == Mode::Report => Some("permit"),
            _ => None,
        };
        let enforceable = reports && matches!(rule.requirement, Requirement::Mfa { .. });
        Self { compliant: asked.then(|| complies(rule, evidence, now)).flatten(), would: would.filter(|_| enforceable) }
    }

    /// Whether the caller asks, in exactly one field.
    #[must_use]
    pub fn is_asked(headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&VALIDATE_MFA).iter();
        let first = values.next();
        values.next().is_none() && first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    }

    /// Puts the fields into a response, in place of the upstream's.
    pub fn write(self, headers: &mut HeaderMap) {
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
