//! The whole rule, on one screen.

use crate::clock::Timestamp;
use crate::policy::delegation::Delegated;
use crate::policy::evidence::Proof;
use crate::policy::possession;
use crate::policy::revocation::Word;
use crate::policy::{
    AppOnlyRule, Asked, Context, Decision, Denial, Evidence, Grounds, MfaFinding, Mode, Requirement, Rule, Standing,
    Waivers,
};
use crate::token::{App, Principal, TokenError};

/// Decides what is done with a request.
///
/// The order is fixed: credential and token (found by authentication), time, sender, tenant, context, class, delegation, roles,
/// and MFA last, so that an invalid token never hears of MFA, and nobody does MFA for a page that MFA doesn't open.
#[must_use]
pub fn decide<'a>(asked: impl Into<Asked<'a>>, evidence: &Evidence, waivers: &Waivers, now: Timestamp) -> Decision {
    let asked = asked.into();
    let rule = asked.rule;
    if rule.requirement == Requirement::Public {
        return Decision::Permit(Grounds::Public);
    }
    let proof = match evidence {
        Evidence::None => return Decision::Deny(Denial::NoCredential),
        Evidence::Invalid(error) => return Decision::Deny(Denial::InvalidToken(*error)),
        Evidence::KeysUnavailable => return Decision::Deny(Denial::KeysUnavailable),
        Evidence::IntrospectionUnavailable => return Decision::Deny(Denial::IntrospectionUnavailable),
        Evidence::SessionsUnavailable => return Decision::Deny(Denial::SessionsUnavailable),
        Evidence::Token(proof) => proof,
    };
    // Verified tokens are cached, so that time has gone on since the verification.
    if let Err(error) = proof.validity.check(now) {
        return Decision::Deny(Denial::InvalidToken(error));
    }
    if let Err(error) = possession::judge(rule, proof) {
        return Decision::Deny(Denial::Sender(error));
    }
    match proof.revocable.word(now) {
        Word::Stands => {}
        Word::Revoked => return Decision::Deny(Denial::InvalidToken(TokenError::Revoked)),
        Word::Unknown => return Decision::Deny(Denial::RevocationsUnavailable),
    }
    if !rule.admits_tenant(proof.tenant.as_deref()) {
        return Decision::Deny(Denial::TenantMismatch);
    }
    if !is_in_context(asked, proof) {
        return Decision::Deny(Denial::WrongContext);
    }
    if let Principal::AppOnly(app) = &proof.principal
        && let Err(denial) = judge_app_only(&rule.app_only, app)
    {
        return Decision::Deny(denial);
    }
    if let Err(denial) = judge_delegation(asked, proof, now).and_then(|by| judge_roles(rule, proof, by.as_ref())) {
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
    possession::judge(rule, proof).ok()?;
    if proof.revocable.word(now) != Word::Stands {
        return None;
    }
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

/// Whether the caller is signed in to the tenant that the request is about. One that isn't named is nobody's.
fn is_in_context(asked: Asked<'_>, proof: &Proof) -> bool {
    let Some(tenant) = proof.tenant.as_deref() else { return asked.rule.context == Context::Any };
    let is_own = |other: &str| tenant.eq_ignore_ascii_case(other);
    match asked.rule.context {
        Context::Any => true,
        Context::Customer => asked.customer.is_some_and(is_own),
        Context::Partner => {
            let is_member = proof.principal.user().is_none() || proof.home.as_deref().is_some_and(is_own);
            is_member && asked.delegations.is_partner(tenant)
        }
    }
}

/// The delegation by which a user acts for a customer. An application acts by the customer's own consent.
fn judge_delegation<'a>(asked: Asked<'a>, proof: &Proof, now: Timestamp) -> Result<Option<Delegated<'a>>, Denial> {
    if asked.rule.context != Context::Customer || proof.principal.user().is_none() {
        return Ok(None);
    }
    let (Some(home), Some(customer)) = (proof.home.as_deref(), asked.customer) else {
        return Err(Denial::NoDelegation);
    };
    match asked.delegations.standing(home, customer, now) {
        Standing::Delegate(by) => Ok(Some(by)),
        Standing::Ended => Err(Denial::DelegationEnded),
        Standing::Stranger => Err(Denial::NoDelegation),
    }
}

/// Roles are no MFA findings: no mode and no exception waives them. Of those who act for a customer, the delegation's count.
fn judge_roles(rule: &Rule, proof: &Proof, by: Option<&Delegated<'_>>) -> Result<(), Denial> {
    let Some(needed) = &rule.roles else { return Ok(()) };
    let counts = |role: &str| by.is_none_or(|by| by.has(role));
    let roles = &proof.roles;
    if roles.held_of(needed).any(counts) {
        Ok(())
    } else if roles.unknown_of(needed).any(counts) {
        Err(Denial::RolesUnknown)
    } else if roles.held_of(needed).next().is_some() {
        Err(Denial::RoleNotDelegated)
    } else {
        Err(Denial::RoleMissing)
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
