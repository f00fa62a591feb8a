//! The recorded facts about a caller, as another configuration's issuers judge them.
//!
//! A fact that the line lacks is never guessed: then there are several callers that it could have been.

use std::borrow::Cow;
use std::sync::Arc;

use super::why::Why;
use crate::config::Issuer;
use crate::consent::CERTIFICATE_ISSUER;
use crate::journal::DecisionLine;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Attached, Evidence, IssuerProfile, MfaFinding, MfaRule, Possession, Proof, Revocable, RolesFound, Seen,
    SenderConstraint, SenderError, UserKind,
};
use mfa_gateway_core::token::{
    Amr, App, Binding, Check, IssuerRule, Principal, Thumbprint, TokenError, User, Validity,
};

/// The caller of a recorded request.
#[derive(Debug)]
pub(super) enum Caller {
    /// What the caller shows, or each of the possibilities, and why there are several.
    Known(Vec<Evidence>, Why),
    /// The token or its absence was refused before the rule looked at anything else.
    Refused(String),
    /// The route was public, so the token was not read.
    NotLookedAt,
}

/// A caller, and what had to be taken as recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) caller: Caller,
    /// Whether the recorded finding was taken, because the rule is the same and the line lacks a claim.
    pub(super) finding_taken: bool,
    /// Whether the line doesn't say what the issuer asked of its tokens.
    pub(super) token_rules_assumed: bool,
}

/// The issuers of the configuration to rehearse, and of the one that recorded, if known.
#[derive(Debug)]
pub(super) struct Issuers {
    pub(super) new: Vec<Issuer>,
    pub(super) recorded: Vec<Issuer>,
}

/// A finding under the new rule.
enum Finding {
    Judged(MfaFinding),
    Taken(MfaFinding),
    Unknown(Why),
}

impl From<Caller> for Recorded {
    fn from(caller: Caller) -> Self {
        Self { caller, finding_taken: false, token_rules_assumed: false }
    }
}

impl Issuers {
    /// The line's caller.
    ///
    /// # Errors
    ///
    /// What the gateway doesn't write.
    pub(super) fn caller(
        &self,
        line: &DecisionLine<'_>,
        since: (Timestamp, Timestamp),
    ) -> Result<Recorded, &'static str> {
        let judged = |check: &str| [Check::Route, Check::Mfa].iter().any(|one| one.name() == check);
        // That a route takes only bound tokens is no word about the token.
        let unbound = || line.reason.as_deref() == Some(SenderError::Required(SenderConstraint::Any).code());
        if line.decision == "deny" && !line.check.as_deref().is_some_and(judged) && !unbound() {
            return Ok(Caller::Refused(line.reason.as_deref().unwrap_or_default().to_owned()).into());
        }
        let Some(name) = line.issuer.as_deref() else { return Ok(Caller::NotLookedAt.into()) };
        let finding = line.evidence.as_deref().and_then(MfaFinding::from_name);
        let finding = finding.ok_or("`evidence` is not an MFA finding")?;
        let mut of_name = self.new.iter().filter(|issuer| issuer.profile.name == name).peekable();
        let invalid = |error| Caller::Known(vec![Evidence::Invalid(error)], Why::TokenRulesDiffer).into();
        if name == CERTIFICATE_ISSUER {
            let profile = IssuerProfile { name: name.to_owned(), ..IssuerProfile::default() };
            let id = line.application.as_deref().unwrap_or_default().to_owned();
            let evidence = Evidence::Token(Arc::new(Proof::of_application(Arc::new(profile), id)));
            return Ok(Caller::Known(vec![evidence], Why::TokenRulesDiffer).into());
        }
        let Some(issuer) = of_name.peek().copied() else { return Ok(invalid(TokenError::IssuerUnknown)) };
        if !of_name.any(|issuer| trusts(issuer, line.tenant.as_deref())) {
            return Ok(invalid(TokenError::TenantUntrusted));
        }
        let proof = proof(line, issuer, since)?;
        let is_user = proof.principal.user().is_some();
        let same = |rules: &str| *rules == *issuer.profile.fingerprint;
        let recorded_rules = line.issuer_rules.as_deref().or_else(|| Some(&self.recorded(name)?.profile.fingerprint));
        let token_rules_assumed = recorded_rules.is_none();
        let mut why = Why::TokenRulesDiffer;
        let mut finding_taken = false;
        let findings = match self.finding(line, issuer, finding) {
            Finding::Judged(finding) => vec![finding],
            Finding::Taken(finding) => {
                finding_taken = is_user;
                vec![finding]
            }
            Finding::Unknown(lacking) => {
                why = lacking;
                vec![MfaFinding::Missing, MfaFinding::Proven]
            }
        };
        let possible = |mfa| Evidence::Token(Arc::new(Proof { mfa, ..proof.clone() }));
        let mut evidence: Vec<Evidence> = findings.into_iter().map(possible).collect();
        if !recorded_rules.is_none_or(same) {
            why = Why::TokenRulesDiffer;
            evidence.push(Evidence::Invalid(TokenError::Audience));
        }
        Ok(Recorded { caller: Caller::Known(evidence, why), finding_taken, token_rules_assumed })
    }

    /// Whether the line may lack roles of its caller.
    pub(super) fn lack_roles(&self, line: &DecisionLine<'_>) -> bool {
        let named = |issuer: &&Issuer| line.issuer.as_deref() == Some(issuer.profile.name.as_str());
        self.new.iter().find(named).is_some_and(|issuer| !knows_roles(line, issuer))
    }

    fn recorded(&self, name: &str) -> Option<&Issuer> {
        self.recorded.iter().find(|issuer| issuer.profile.name == name)
    }

    /// What the new rule makes of the recorded claims.
    fn finding(&self, line: &DecisionLine<'_>, issuer: &Issuer, recorded: MfaFinding) -> Finding {
        let rule = &issuer.profile.mfa;
        if let Ok(finding) = rule.evaluate_seen(|path| seen(line, rule, path)) {
            return Finding::Judged(finding);
        }
        let same_text = line.mfa_rule.as_deref().is_some_and(|text| text == rule.to_string());
        let same = self.recorded(&issuer.profile.name).is_some_and(|one| is_same(&one.profile.mfa, rule));
        if same_text || same {
            return Finding::Taken(recorded);
        }
        Finding::Unknown(if line.claims.is_none() { Why::ClaimsUnknown } else { Why::ClaimUnread })
    }
}

/// What the line says of a claim.
fn seen<'l>(line: &'l DecisionLine<'_>, rule: &MfaRule, path: &[String]) -> Option<Cow<'l, Seen>> {
    let recorded = line.claims.as_ref().and_then(|claims| claims.seen(path));
    if recorded.is_some() || path != ["amr"] {
        return recorded;
    }
    match line.amr.as_deref() {
        Some(methods) => Some(Cow::Owned(Seen::of_amr(&Amr::Methods(methods.to_vec())))),
        // Absent, or of another type: neither has elements.
        None if rule.tests_only_elements_of(path) => Some(Cow::Owned(Seen::Absent)),
        None => None,
    }
}

/// Whether two rules find the same. How old a sign-in may be is no part of the finding.
fn is_same(one: &MfaRule, other: &MfaRule) -> bool {
    (&one.any, &one.all, &one.deny) == (&other.any, &other.all, &other.deny)
}

/// The proof, with a finding that is still to be made. `since` is when it was recorded, and the assumed time.
fn proof(line: &DecisionLine<'_>, issuer: &Issuer, since: (Timestamp, Timestamp)) -> Result<Proof, &'static str> {
    let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let app = App { id: own(&line.application) };
    let principal = match line.class.as_deref() {
        Some("app_only") => Principal::AppOnly(app),
        Some("app_user") => Principal::AppUser(app, User { id: own(&line.user) }),
        _ => return Err("`class` is neither `app_only` nor `app_user`"),
    };
    // The time from sign-in to request stays the same.
    let (recorded_at, now) = since;
    let moved = |at: Timestamp| at.plus(now.since(recorded_at)).minus(recorded_at.since(now));
    let binding = binding(line);
    Ok(Proof {
        possession: binding.as_ref().map(|binding| Box::new(Possession::of(Some(binding)))),
        binding: binding.map(Box::new),
        issuer: Arc::clone(&issuer.profile),
        principal,
        tenant: own(&line.tenant),
        home: own(&line.home_tenant),
        version: own(&line.ver),
        amr: line.amr.as_deref().map_or(Amr::Absent, |methods| Amr::Methods(methods.to_vec())),
        mfa: MfaFinding::Missing,
        seen: Box::default(),
        roles: roles(line, issuer),
        auth_time: line.signed_in().map(moved),
        validity: Validity::always(),
        name: None,
        kind: UserKind::from_name(line.user_kind.as_deref()),
        handles_claims_challenge: false,
        told: Box::default(),
        revocable: Revocable::default(),
        attached: Attached::default(),
    })
}

/// What the token was bound to, by its kinds. The request showed it, or was refused.
fn binding(line: &DecisionLine<'_>) -> Option<Binding> {
    let has = |kind: &str| line.bound_to.iter().flatten().any(|one| one == kind).then(Thumbprint::default);
    let (key, certificate) = (has(Binding::DPOP), has(Binding::MUTUAL_TLS));
    (key.is_some() || certificate.is_some()).then_some(Binding { key, certificate })
}

/// The recorded roles, if the same claims still give them.
fn roles(line: &DecisionLine<'_>, issuer: &Issuer) -> RolesFound {
    if !knows_roles(line, issuer) {
        return RolesFound::default();
    }
    let names = |names: &[Cow<'_, str>]| names.iter().map(|name| Arc::from(&**name)).collect();
    RolesFound { held: names(&line.roles), unknown: names(&line.roles_unknown) }
}

/// Whether the line says which of the issuer's roles the caller has.
fn knows_roles(line: &DecisionLine<'_>, issuer: &Issuer) -> bool {
    line.role_rules.as_deref().unwrap_or_default() == issuer.profile.roles.fingerprint()
}

/// Whether the issuer's tokens may come from this tenant.
fn trusts(issuer: &Issuer, tenant: Option<&str>) -> bool {
    let (IssuerRule::Entra { tenants, .. }, Some(tenant)) = (&issuer.rules.issuer, tenant) else { return true };
    tenants.contains(tenant)
}
