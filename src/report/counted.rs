//! What a decision counts as.

use mfa_gateway_core::policy::{Decision, Denial, Grounds, Proof, Requirement, Rule};
use mfa_gateway_core::token::Check;

use crate::journal::DecisionLine;

/// What became of a request, as far as MFA is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    /// A user with MFA, whatever else was decided.
    WithMfa,
    /// A user without MFA, who was refused.
    Refused,
    /// A user without MFA, whom an exception let pass.
    Exempt,
    /// A user without MFA, in report mode.
    ReportOnly,
    /// A user without MFA, where it is not required yet.
    Off,
    /// An application without a user.
    AppOnly,
}

/// What a decision says of MFA, wherever it comes from: as it is made, or from a line of the log.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// Whether the route requires MFA, and a token or session was judged.
    is_judged: bool,
    /// Whether there is a user; nothing if that isn't known.
    has_user: Option<bool>,
    is_compliant: bool,
    grounds: Option<Waiver>,
}

/// On which grounds a request passed.
#[derive(Clone, Copy, Debug)]
enum Waiver {
    Exempt,
    ReportOnly,
    Other,
}

impl Facts {
    /// What they count as; nothing if MFA isn't required, or nobody was judged.
    fn outcome(self) -> Option<Outcome> {
        let has_user = self.has_user.filter(|_| self.is_judged)?;
        Some(match (has_user, self.is_compliant, self.grounds) {
            (false, ..) => Outcome::AppOnly,
            (true, true, _) => Outcome::WithMfa,
            (true, false, Some(Waiver::Exempt)) => Outcome::Exempt,
            (true, false, Some(Waiver::ReportOnly)) => Outcome::ReportOnly,
            (true, false, Some(Waiver::Other)) => Outcome::Off,
            (true, false, None) => Outcome::Refused,
        })
    }
}

impl Outcome {
    pub(super) const ALL: [Self; 6] =
        [Self::WithMfa, Self::Refused, Self::Exempt, Self::ReportOnly, Self::Off, Self::AppOnly];

    /// What a decision counts as, as it is made.
    pub(super) fn decided(
        rule: &Rule,
        proof: &Proof,
        decision: &Decision,
        complies: impl FnOnce() -> bool,
    ) -> Option<Self> {
        let is_judged = matches!(rule.requirement, Requirement::Mfa { .. })
            && match decision {
                Decision::Permit(_) => true,
                Decision::Deny(denial) => JUDGED.contains(&denial.check()),
            };
        if !is_judged {
            return None;
        }
        let grounds = match decision {
            Decision::Deny(_) => None,
            Decision::Permit(Grounds::Exempt(_)) => Some(Waiver::Exempt),
            Decision::Permit(Grounds::ReportOnly(_)) => Some(Waiver::ReportOnly),
            Decision::Permit(_) => Some(Waiver::Other),
        };
        let has_user = Some(proof.principal.user().is_some());
        Facts { is_judged, has_user, is_compliant: complies(), grounds }.outcome()
    }

    /// What a decision of the log counts as.
    pub(super) fn of(line: &DecisionLine<'_>) -> Option<Self> {
        let has_user = match line.class.as_deref()? {
            "app_only" => Some(false),
            "app_user" => Some(true),
            _ => None,
        };
        let grounds = line.grounds.as_deref().map(|grounds| match grounds {
            "exempt" => Waiver::Exempt,
            "report_only" => Waiver::ReportOnly,
            _ => Waiver::Other,
        });
        let is_judged = line.requirement == "mfa" && is_judged(line);
        Facts { is_judged, has_user, is_compliant: is_compliant(line), grounds }.outcome()
    }

    /// Whether a decision is a refusal because of a customer's context or delegation, as it is made.
    pub(super) fn is_by_context(decision: &Decision) -> bool {
        matches!(decision, Decision::Deny(denial) if BY_CONTEXT.contains(denial))
    }

    /// The same of a decision of the log.
    pub(super) fn is_line_by_context(line: &DecisionLine<'_>) -> bool {
        let is_reason = |reason: &str| BY_CONTEXT.iter().any(|denial| denial.code() == reason);
        line.decision == "deny" && line.reason.as_deref().is_some_and(is_reason)
    }

    /// Whether it is of a user without MFA.
    pub(crate) fn is_without_mfa(self) -> bool {
        !matches!(self, Self::WithMfa | Self::AppOnly)
    }

    /// The word for it in the store.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WithMfa => "with_mfa",
            Self::Refused => "refused",
            Self::Exempt => "exempt",
            Self::ReportOnly => "report_only",
            Self::Off => "off",
            Self::AppOnly => "app_only",
        }
    }

    /// The outcome of this name; nothing for one that only a later version knows.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// The denials of somebody who may not act for the customer.
const BY_CONTEXT: [Denial; 4] =
    [Denial::WrongContext, Denial::NoDelegation, Denial::DelegationEnded, Denial::RoleNotDelegated];

/// The checks that a token or a session gets to which is valid: of another, nothing is known of its user.
const JUDGED: [Check; 2] = [Check::Route, Check::Mfa];

fn is_judged(line: &DecisionLine<'_>) -> bool {
    line.decision == "permit" || line.check.as_deref().is_some_and(|check| JUDGED.iter().any(|one| one.name() == check))
}

/// By the line, or in lines of older versions by the evidence. Those don't say of an excepted request that its sign-in was too
/// old.
fn is_compliant(line: &DecisionLine<'_>) -> bool {
    let by_evidence =
        || line.evidence.as_deref() == Some("proven") && line.reason.as_deref() != Some("authentication_stale");
    line.compliant.unwrap_or_else(by_evidence)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A request of Jane's with MFA, with these members instead.
    pub(in super::super) fn line(changes: Value) -> DecisionLine<'static> {
        let mut line = json!({
            "event": "decision", "time": "2026-11-28T10:00:00.000Z", "request_id": "r", "correlation_id": "c",
            "method": "GET", "route": "/v1/", "credential": "bearer", "client": "192.0.2.1", "issuer": "entra",
            "class": "app_user", "tenant": "t", "application": "app", "user": "jane", "ver": null, "amr": ["mfa"],
            "evidence": "proven", "auth_time": null, "requirement": "mfa", "mode": "enforce", "compliant": true,
            "decision": "permit", "grounds": "mfa", "reason": null, "check": null, "exception": null, "generation": 1,
        });
        let Value::Object(changes) = changes else { unreachable!() };
        line.as_object_mut().unwrap().extend(changes);
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn a_request_counts_by_its_user_s_mfa_and_by_what_became_of_it() {
        let of = |changes: Value| Outcome::of(&line(changes));
        let without = |more: Value| {
            let mut changes = json!({"compliant": false, "evidence": "missing", "amr": ["pwd"]});
            changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            of(changes)
        };
        assert_eq!(of(json!({})), Some(Outcome::WithMfa));
        let refused = json!({"decision": "deny", "grounds": null, "check": "mfa", "reason": "mfa_missing"});
        assert_eq!(without(refused), Some(Outcome::Refused));
        assert_eq!(without(json!({"grounds": "exempt", "exception": "e"})), Some(Outcome::Exempt));
        assert_eq!(without(json!({"grounds": "report_only", "reason": "mfa_missing"})), Some(Outcome::ReportOnly));
        assert_eq!(without(json!({"grounds": "off"})), Some(Outcome::Off));
        assert_eq!(of(json!({"class": "app_only", "grounds": "app_only", "user": null})), Some(Outcome::AppOnly));
        // Who lacks a role has MFA or not, all the same.
        let role = json!({"decision": "deny", "grounds": null, "check": "route", "reason": "role_missing"});
        assert_eq!(of(role.clone()), Some(Outcome::WithMfa));
        assert_eq!(without(role), Some(Outcome::Refused));
    }

    #[test]
    fn what_was_not_judged_or_needs_no_mfa_counts_for_nothing() {
        let of = |changes: Value| Outcome::of(&line(changes));
        assert_eq!(of(json!({"requirement": "authenticated", "grounds": "authenticated", "compliant": null})), None);
        assert_eq!(of(json!({"class": null, "issuer": null, "decision": "deny", "check": "credential"})), None);
        assert_eq!(
            of(json!({"decision": "deny", "check": "time", "reason": "token_expired", "compliant": null})),
            None
        );
    }

    #[test]
    fn a_line_of_an_older_version_is_judged_by_its_evidence() {
        let of = |changes: Value| Outcome::of(&line(changes));
        assert_eq!(of(json!({"compliant": null})), Some(Outcome::WithMfa));
        let stale = json!({"compliant": null, "grounds": "report_only", "reason": "authentication_stale"});
        assert_eq!(of(stale), Some(Outcome::ReportOnly));
        assert_eq!(of(json!({"compliant": null, "evidence": "missing", "grounds": "off"})), Some(Outcome::Off));
    }
}
