//! The whole rule, on one screen.

use crate::clock::Timestamp;
use crate::policy::evidence::Proof;
use crate::policy::{AppOnlyRule, Decision, Denial, Evidence, Grounds, MfaFinding, Mode, Requirement, Rule, Waivers};
use crate::token::{App, Principal};

/// Decides what is done with a request.
///
/// The order is fixed: credential and token (found by authentication), time, tenant, class, roles, and MFA last, so that an
/// invalid token never hears of MFA, and nobody does MFA for a page that MFA doesn't open.
#[must_use]
pub fn decide(rule: &Rule, evidence: &Evidence, waivers: &Waivers, now: Timestamp) -> Decision {
    if rule.requirement == Requirement::Public {
        return Decision::Permit(Grounds::Public);
    }
    let proof = match evidence {
        Evidence::None => return Decision::Deny(Denial::NoCredential),
        Evidence::Invalid(error) => return Decision::Deny(Denial::InvalidToken(*error)),
        Evidence::KeysUnavailable => return Decision::Deny(Denial::KeysUnavailable),
        Evidence::SessionsUnavailable => return Decision::Deny(Denial::SessionsUnavailable),
        Evidence::Token(proof) => proof,
    };
    // Verified tokens are cached, so that time has gone on since the verification.
    if let Err(error) = proof.validity.check(now) {
        return Decision::Deny(Denial::InvalidToken(error));
    }
    if !rule.admits_tenant(proof.tenant.as_deref()) {
        return Decision::Deny(Denial::TenantMismatch);
    }
    if let Principal::AppOnly(app) = &proof.principal
        && let Err(denial) = judge_app_only(&rule.app_only, app)
    {
        return Decision::Deny(denial);
    }
    if let Err(denial) = judge_roles(rule, proof) {
        return Decision::Deny(denial);
    }
    match (&proof.principal, rule.requirement) {
        (Principal::AppOnly(_), _) => Decision::Permit(Grounds::AppOnly),
        (Principal::AppUser(..), Requirement::Public | Requirement::Authenticated) => {
            Decision::Permit(Grounds::Authenticated)
        }
        (Principal::AppUser(..), Requirement::Mfa { .. }) => match judge_mfa(rule, proof, now) {
            Ok(()) => Decision::Permit(Grounds::Mfa),
            Err(denial) => waive(denial, rule, proof, waivers, now),
        },
    }
}

/// What becomes of an MFA finding.
fn waive(denial: Denial, rule: &Rule, proof: &Proof, waivers: &Waivers, now: Timestamp) -> Decision {
    if let Some(exception) = waivers.covering(rule, proof, now) {
        return Decision::Permit(Grounds::Exempt(exception));
    }
    match waivers.mode(rule, proof, now) {
        Mode::Off => Decision::Permit(Grounds::Off),
        Mode::Report => Decision::Permit(Grounds::ReportOnly(denial)),
        Mode::Enforce => Decision::Deny(denial),
    }
}

/// Whether enforcement would find MFA, or an app-only token that needs none: what a caller who asks with `ValidateMfa` is
/// told, in every mode and whatever exceptions there are. `None` without a valid token, since an invalid one never hears
/// of MFA.
#[must_use]
pub fn complies(rule: &Rule, evidence: &Evidence, now: Timestamp) -> Option<bool> {
    let Evidence::Token(proof) = evidence else { return None };
    proof.validity.check(now).ok()?;
    Some(matches!(proof.principal, Principal::AppOnly(_)) || judge_mfa(rule, proof, now).is_ok())
}

fn judge_app_only(rule: &AppOnlyRule, app: &App) -> Result<(), Denial> {
    match (rule, &app.id) {
        (AppOnlyRule::Allow, _) => Ok(()),
        (AppOnlyRule::AllowExcept(vendors), Some(id)) if !vendors.contains(&id.to_ascii_lowercase()) => Ok(()),
        (AppOnlyRule::AllowExcept(_), _) => Err(Denial::VendorAppOnly),
        (AppOnlyRule::Deny, _) => Err(Denial::AppOnlyForbidden),
    }
}

/// Roles are no MFA findings: no mode and no exception waives them.
fn judge_roles(rule: &Rule, proof: &Proof) -> Result<(), Denial> {
    match &rule.roles {
        None => Ok(()),
        Some(needed) if proof.roles.has_one_of(needed) => Ok(()),
        Some(needed) if proof.roles.may_have_one_of(needed) => Err(Denial::RolesUnknown),
        Some(_) => Err(Denial::RoleMissing),
    }
}

/// How far a sign-in may lie ahead of the clock, whatever skew is configured: it seems younger by as much.
const MAX_AHEAD: std::time::Duration = std::time::Duration::from_secs(60);

fn judge_mfa(rule: &Rule, proof: &Proof, now: Timestamp) -> Result<(), Denial> {
    match proof.mfa {
        MfaFinding::Proven => {}
        MfaFinding::Absent => return Err(Denial::AmrAbsent),
        MfaFinding::Missing => return Err(Denial::MfaMissing),
        MfaFinding::Denied => return Err(Denial::EvidenceDenied),
    }
    let Some(max_age) = rule.max_age(proof) else { return Ok(()) };
    match proof.auth_time.time() {
        Some(at) if now.since(at) <= max_age && at.since(now) <= proof.issuer.clock_skew.min(MAX_AHEAD) => Ok(()),
        _ => Err(Denial::AuthenticationStale),
    }
}
