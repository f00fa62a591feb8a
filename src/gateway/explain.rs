//! Explains what the gateway would decide about a token, step by step.
//!
//! It runs the live rule: the same parsing, verification, routing and [`decide`] as a request does. The steps are read
//! off the outcome: all checks before the failed one passed, none after it was reached.

use std::fmt::Write;

use serde_json::{Value, json};

pub(crate) use super::explained_token::{issuer_of, token_in};
pub(crate) use super::explanation::{Document, pasted};
pub use super::explanation::{Explanation, Outcome, Step};

use super::explained_token::evidence;
use super::{Live, Question, accepted};
use crate::routing::{Route, RouteError};
use mfa_gateway_core::policy::{
    Decision, Denial, Evidence, Grounds, MfaRule, Mode, Proof, Requirement, Seen, UserKind, decide, remedy,
};
use mfa_gateway_core::token::{AuthTime, Check, KeySet, TokenError, Unverified};

/// Explains. `keys` are those of the token's issuer; `None` if they are unavailable.
#[must_use]
pub fn explain(live: &Live, question: &Question<'_>, keys: Option<&KeySet>) -> Explanation {
    explain_evidence(live, question, &evidence(live, question, keys))
}

/// Explains what is decided about this evidence.
pub(super) fn explain_evidence(live: &Live, question: &Question<'_>, evidence: &Evidence) -> Explanation {
    let token = token_in(question);
    let facts = Facts { token, ..token.map(Facts::of).unwrap_or_default() };
    let route = live.judge.routes.find_for(question.host, question.path(), question.method);
    match route {
        Ok(route) => {
            let decision =
                decide(live.judge.asked(route, question.path()), evidence, &live.judge.waivers, live.clock.now());
            let mut steps = token_steps(evidence, denial_of(&decision), &facts, live);
            tell_place(&mut steps, route);
            of_steps(live, route, evidence, &decision, steps)
        }
        Err(error) => of_missing_route(&error, evidence, &facts, live),
    }
}

fn denial_of(decision: &Decision) -> Option<Denial> {
    match decision {
        Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) => Some(*denial),
        Decision::Permit(_) => None,
    }
}

/// Goes on where the credential's own steps end.
pub(super) fn of_steps(
    live: &Live,
    route: &Route,
    evidence: &Evidence,
    decision: &Decision,
    mut steps: Vec<Step>,
) -> Explanation {
    let denial = denial_of(decision);
    let (permitted, reason) = match decision {
        Decision::Deny(denial) => (false, denial.code()),
        Decision::Permit(Grounds::ReportOnly(_)) => (true, "report_only"),
        Decision::Permit(grounds) => (true, grounds.code()),
    };
    steps.push(mfa_step(live, route, evidence, decision));
    steps.push(mode_step(live, route, evidence, decision));
    let outcome =
        if denial.is_some_and(|denial| denial.check() == Check::Route) { Outcome::Fail } else { Outcome::Pass };
    let mut detail = format!("{} requires {}", route.pattern.as_written(), route.rule.requirement.name());
    let proof = proof_of(evidence);
    if let Some(accepted) = denial.zip(proof).and_then(|(denial, proof)| accepted::by_route(&route.rule, denial, proof))
    {
        let _ = write!(detail, "; {accepted}");
    }
    steps.push(Step { name: "route", outcome, detail });
    let texts = match denial {
        Some(denial) => remedy(denial, proof, Some(&route.rule)),
        None => ("The request would be forwarded.".into(), "No action is needed.".into()),
    };
    let status = (!permitted).then(|| super::Reason::Denied(denial.unwrap_or(Denial::NoCredential)).status().as_u16());
    let cause = match denial {
        Some(Denial::InvalidToken(error)) => format!("{} ({error})", texts.0),
        _ => texts.0.into_owned(),
    };
    Explanation {
        steps,
        permitted,
        status,
        reason,
        denial: denial.map(Denial::code),
        route: Some(route.pattern.as_written().to_owned()),
        texts: (cause, texts.1.into_owned()),
    }
}

/// Adds the place that the route takes the token from: it may be another one than where the caller sends it.
fn tell_place(steps: &mut [Step], route: &Route) {
    if let Some(step) = steps.iter_mut().find(|step| step.name == Check::Credential.name())
        && route.rule.requirement != Requirement::Public
    {
        let between = if step.detail.is_empty() { "" } else { "; " };
        step.detail = format!("{}{between}read from {}", step.detail, route.token_from);
    }
}

fn of_missing_route(error: &RouteError, evidence: &Evidence, facts: &Facts<'_>, live: &Live) -> Explanation {
    let denial = match evidence {
        Evidence::Invalid(error) => Some(Denial::InvalidToken(*error)),
        Evidence::KeysUnavailable => Some(Denial::KeysUnavailable),
        Evidence::IntrospectionUnavailable => Some(Denial::IntrospectionUnavailable),
        Evidence::SessionsUnavailable => Some(Denial::SessionsUnavailable),
        _ => None,
    };
    missing_route(error, token_steps(evidence, denial, facts, live))
}

/// The end of an explanation whose request matches no route.
pub(super) fn missing_route(error: &RouteError, mut steps: Vec<Step>) -> Explanation {
    let (status, reason) = match error {
        RouteError::Misdirected => (421, "misdirected"),
        RouteError::NotFound => (404, "no_route"),
        RouteError::MethodNotAllowed(_) => (405, "method_not_allowed"),
        RouteError::Path(_) | RouteError::Ambiguous { .. } => (400, "malformed_request"),
    };
    steps.push(Step { name: "evidence", outcome: Outcome::Skipped, detail: "not reached: no route matches".into() });
    steps.push(Step { name: "route", outcome: Outcome::Fail, detail: format!("{error}: {status}") });
    let texts =
        (format!("The request would get {status}: {error}."), "Compare the path and the method with `routes`.".into());
    Explanation { steps, permitted: false, status: Some(status), reason, denial: None, route: None, texts }
}

/// The steps from the credential to the class.
fn token_steps(evidence: &Evidence, denial: Option<Denial>, facts: &Facts<'_>, live: &Live) -> Vec<Step> {
    let failed = match evidence {
        Evidence::None | Evidence::SessionsUnavailable => Some(Check::Credential),
        Evidence::Invalid(error) => Some(error.check()),
        Evidence::KeysUnavailable | Evidence::IntrospectionUnavailable => Some(Check::Signature),
        Evidence::Token(_) => denial.map(Denial::check),
    };
    let error = match (evidence, denial) {
        (Evidence::Invalid(error), _) => Some(*error),
        (_, Some(Denial::InvalidToken(error))) => Some(error),
        _ => None,
    };
    // Without a known issuer there is no key to check the signature with.
    let unjudged = |check| check == Check::Signature && matches!(error, Some(TokenError::IssuerUnknown));
    Check::ALL
        .into_iter()
        .filter(|check| *check < Check::Route)
        .map(|check| {
            let outcome = match failed {
                Some(at) if at == check => Outcome::Fail,
                Some(at) if at < check || unjudged(check) => Outcome::Skipped,
                _ => Outcome::Pass,
            };
            let detail = match outcome {
                Outcome::Skipped if unjudged(check) => "not checked: the issuer is unknown".to_owned(),
                Outcome::Skipped => "not reached".to_owned(),
                Outcome::Fail => fail_detail(check, evidence, error, facts, live),
                Outcome::Pass => facts.detail(check, evidence, live),
            };
            Step { name: check.name(), outcome, detail }
        })
        .collect()
}

fn fail_detail(check: Check, evidence: &Evidence, error: Option<TokenError>, facts: &Facts<'_>, live: &Live) -> String {
    let cause = match (evidence, error) {
        (Evidence::None, _) => "the request has no token".to_owned(),
        (Evidence::KeysUnavailable, _) => "the issuer's keys are unavailable".to_owned(),
        (Evidence::IntrospectionUnavailable, _) => "the issuer could not be asked about the token".to_owned(),
        (Evidence::SessionsUnavailable, _) => "the store of sessions is unavailable".to_owned(),
        (Evidence::Token(_), None) => "the store of revocations is unavailable".to_owned(),
        (_, Some(error)) => error.to_string(),
        _ => String::new(),
    };
    let accepted = error.and_then(|error| accepted::by_issuers(live, facts.token, error));
    let seen = facts.seen(check).map(|seen| format!("seen: {seen}"));
    let now = (check == Check::Time && seen.is_some()).then(|| format!("now {}", live.clock.now()));
    [Some(cause), accepted, seen, now].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn proof_of(evidence: &Evidence) -> Option<&Proof> {
    if let Evidence::Token(proof) = evidence { Some(proof) } else { None }
}

fn mfa_step(live: &Live, route: &Route, evidence: &Evidence, decision: &Decision) -> Step {
    let step = |outcome, detail: String| Step { name: "evidence", outcome, detail };
    let Evidence::Token(proof) = evidence else { return step(Outcome::Skipped, "not reached".into()) };
    if proof.principal.user().is_none() {
        return step(Outcome::Skipped, "an app-only token has no user to perform MFA".into());
    }
    let asked = matches!(route.rule.requirement, Requirement::Mfa { .. });
    let age = asked.then(|| route.rule.max_age(proof)).flatten();
    let detail = match age {
        None => format!("expected: {}; seen: {}", proof.issuer.mfa, seen_evidence(proof)),
        Some(age) => {
            let at = match proof.auth_time {
                AuthTime::At(_) => "",
                AuthTime::Absent => ", no auth_time",
                AuthTime::Malformed => ", an auth_time of the wrong JSON type or form",
            };
            let (expected, seen, now) = (&proof.issuer.mfa, seen_evidence(proof), live.clock.now());
            format!("expected: {expected}, signed in at most {} s ago; seen: {seen}{at}; now {now}", age.as_secs())
        }
    };
    match decision {
        Decision::Deny(denial) | Decision::Permit(Grounds::ReportOnly(denial)) if denial.check() == Check::Mfa => {
            step(Outcome::Fail, detail)
        }
        Decision::Permit(Grounds::Exempt(id)) => step(Outcome::Fail, format!("{detail}; waived by exception {id}")),
        Decision::Permit(Grounds::Off) => step(Outcome::Fail, detail),
        Decision::Permit(Grounds::Mfa) => step(Outcome::Pass, detail),
        _ => step(Outcome::Skipped, format!("not required; seen: {}", seen_evidence(proof))),
    }
}

/// The effect of the mode on the finding: an MFA finding is refused only if it is already enforced for this caller.
fn mode_step(live: &Live, route: &Route, evidence: &Evidence, decision: &Decision) -> Step {
    let step = |outcome, detail| Step { name: "mode", outcome, detail };
    let (Evidence::Token(proof), Requirement::Mfa { .. }) = (evidence, route.rule.requirement) else {
        return step(Outcome::Skipped, "MFA is not required here, or the token is not valid".to_owned());
    };
    let activation = live.judge.waivers.stages.activation(route.rule.activation, proof);
    let application = proof.principal.app().id.as_deref();
    let mode = activation.mode_for(application, live.clock.now());
    let mut detail = format!("{} for this caller, by `mode: {}`", mode.name(), activation.mode.name());
    if activation.percentage < 100 && activation.mode == Mode::Enforce {
        let _ = write!(detail, ", {} % of the applications", activation.percentage);
    }
    if let Some(from) = activation.enforce_from {
        let _ = write!(detail, ", from {from} on");
    }
    let outcome = match decision {
        Decision::Deny(denial) if denial.check() == Check::Mfa => Outcome::Fail,
        Decision::Permit(Grounds::ReportOnly(_) | Grounds::Off) => Outcome::Pass,
        _ => Outcome::Skipped,
    };
    step(outcome, detail)
}

/// What the token says in every claim that the rule reads.
fn seen_evidence(proof: &Proof) -> String {
    let claims = proof.claims().into_iter().map(|(path, seen)| match *seen {
        Seen::Absent => format!("no {}", MfaRule::name_of(path)),
        ref seen => format!("{} {seen}", MfaRule::name_of(path)),
    });
    let age = proof.auth_time.time().map(|at| format!("signed in at {at}"));
    let version = proof.version.as_deref().map(|ver| format!("ver {ver}"));
    claims.chain(age).chain(version).collect::<Vec<_>>().join(", ")
}

/// The token, and its contents, read without trust, for its owner to see.
#[derive(Default)]
struct Facts<'t> {
    token: Option<&'t str>,
    claims: Value,
}

impl Facts<'_> {
    fn of(token: &str) -> Self {
        let Ok(unverified) = Unverified::parse(token) else { return Self::default() };
        let claim = |name| unverified.peek(name).map(mfa_gateway_core::token::Claim::to_value).unwrap_or_default();
        let claims = json!({
            "alg": unverified.algorithm().map(mfa_gateway_core::token::Algorithm::name),
            "kid": unverified.kid(),
            "iss": claim("iss"),
            "aud": claim("aud"),
            "nbf": claim("nbf"),
            "exp": claim("exp"),
            "tid": claim("tid"),
            "idtyp": claim("idtyp"),
            "cnf": claim("cnf"),
        });
        Self { token: None, claims }
    }

    /// The claims that a check looks at.
    fn seen(&self, check: Check) -> Option<String> {
        let names: &[&str] = match check {
            Check::Signature => &["alg", "kid"],
            Check::Issuer => &["iss", "tid"],
            Check::Audience => &["aud"],
            Check::Time => &["nbf", "exp"],
            Check::Class => &["idtyp"],
            Check::Binding => &["cnf"],
            Check::Credential | Check::Route | Check::Mfa => &[],
        };
        let seen: Vec<String> = names
            .iter()
            .filter(|name| !self.claims[**name].is_null())
            .map(|name| match (*name, self.claims[*name].as_i64()) {
                ("exp" | "nbf", Some(at)) => format!("{name} {}", mfa_gateway_core::clock::Timestamp::from_secs(at)),
                _ => format!("{name} {}", self.claims[*name]),
            })
            .collect();
        (!seen.is_empty()).then(|| seen.join(", "))
    }

    fn detail(&self, check: Check, evidence: &Evidence, live: &Live) -> String {
        let seen = self.seen(check).unwrap_or_default();
        match (check, evidence) {
            (Check::Time, _) => format!("{seen}; now {}", live.clock.now()),
            (Check::Class, Evidence::Token(proof)) => {
                let app = proof.principal.app().id.as_deref().unwrap_or("unknown");
                let user = proof.principal.user().and_then(|user| user.id.as_deref());
                let user = user.map(|user| format!(", user {user}")).unwrap_or_default();
                let kind =
                    if proof.kind == UserKind::DirectorySync { ", which synchronises the directory" } else { "" };
                format!("{}: application {app}{user}{kind}", proof.principal.class())
            }
            (Check::Binding, Evidence::Token(proof)) => match &proof.binding {
                Some(_) => format!("{seen}; each request has to show it, which is not judged here"),
                None => "bound to nothing: any sender can use it".to_owned(),
            },
            _ => seen,
        }
    }
}
