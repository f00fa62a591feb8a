//! Explains what the gateway would decide about a session, step by step, and what a browser would get.
//!
//! The rule is the same [`decide`]; where the evidence comes from differs. A session is looked up by its id, so that nobody
//! has to hand over a cookie.

use std::sync::Arc;

use mfa_gateway_core::policy::{Decision, Denial, Evidence, Proof, decide};
use mfa_gateway_core::token::Check;

use super::browser::tenant;
use super::explain::{Explanation, Outcome, Step, missing_route, of_steps};
use super::{Door, Live, Question};
use crate::oidc::TenantId;
use crate::routing::Route;

/// A session as it was found.
#[derive(Debug)]
pub(crate) struct Found<'f> {
    /// The sign-in that it belongs to.
    pub(crate) sign_in: &'f str,
    /// What is known of it, in words.
    pub(crate) told: String,
    /// What it proves; `None` if it counts for nothing any more.
    pub(crate) proof: Option<Arc<Proof>>,
}

/// Explains. `found` is the session, or why there is none.
pub(crate) fn explain(live: &Live, question: &Question<'_>, found: Result<&Found<'_>, String>) -> Explanation {
    let route = match live.judge.routes.find_for(question.host, question.path(), question.method) {
        Ok(route) => route,
        Err(error) => return missing_route(&error, vec![session_step(&found)]),
    };
    let mut steps = vec![session_step(&found)];
    let counts = counts_on(live, route, &found);
    steps.push(counts.as_ref().map_or_else(Clone::clone, Clone::clone));
    let proof = found.ok().and_then(|found| found.proof.clone()).filter(|_| counts.is_ok());
    steps.push(caller_step(proof.as_deref()));
    let evidence = proof.map_or(Evidence::None, Evidence::Token);
    let decision = decide(live.judge.asked(route, question.path()), &evidence, &live.judge.waivers, live.clock.now());
    let mut explanation = of_steps(live, route, &evidence, &decision, steps);
    let needs = needs(&decision, leads_to(live, route, question, &evidence).is_some());
    if route.sessions.is_some() {
        explanation.status = explanation.status.map(|status| needs.map_or(status, Needs::status));
        explanation.texts.1 = needs.map_or(explanation.texts.1, |needs| needs.remedy().to_owned());
        explanation.steps.push(browser_step(needs, &decision, explanation.status));
    }
    explanation
}

fn session_step(found: &Result<&Found<'_>, String>) -> Step {
    let (outcome, detail) = match found {
        Ok(found) if found.proof.is_some() => (Outcome::Pass, found.told.clone()),
        Ok(found) => (Outcome::Fail, found.told.clone()),
        Err(why) => (Outcome::Fail, why.clone()),
    };
    Step { name: "session", outcome, detail }
}

/// Whether the route takes the session, as a step.
fn counts_on(live: &Live, route: &Route, found: &Result<&Found<'_>, String>) -> Result<Step, Step> {
    let step = |outcome, detail: String| Step { name: Check::Credential.name(), outcome, detail };
    let Some(usage) = route.sessions else {
        let detail = "the route takes tokens alone: a session's cookie counts for nothing there";
        return Err(step(Outcome::Fail, detail.to_owned()));
    };
    let door: Option<&Arc<Door>> = live.doors.get(usage.sign_in.0);
    let wanted = door.map_or("", |door| door.sign_in.settings().name.as_str());
    let or_token = if usage.or_token { ", or a token" } else { "" };
    match found {
        Ok(found) if found.sign_in == wanted => {
            Ok(step(Outcome::Pass, format!("the route takes sessions of sign-in {wanted}{or_token}")))
        }
        Ok(found) => {
            let own = found.sign_in;
            Err(step(Outcome::Fail, format!("the route takes sessions of sign-in {wanted}; this one is of {own}")))
        }
        Err(_) => Err(step(Outcome::Skipped, format!("the route takes sessions of sign-in {wanted}{or_token}"))),
    }
}

fn caller_step(proof: Option<&Proof>) -> Step {
    let Some(proof) = proof else {
        return Step { name: Check::Class.name(), outcome: Outcome::Skipped, detail: "not reached".to_owned() };
    };
    let user = proof.principal.user().and_then(|user| user.id.as_deref()).unwrap_or("unknown");
    let tenant = proof.tenant.as_deref().map(|tenant| format!(", tenant {tenant}")).unwrap_or_default();
    let detail = format!("{}: user {user}{tenant}, issuer {}", proof.principal.class(), proof.issuer.name);
    Step { name: Check::Class.name(), outcome: Outcome::Pass, detail }
}

/// What would help a browser.
#[derive(Clone, Copy, Debug)]
enum Needs {
    SignIn,
    StepUp,
    Tenant,
}

impl Needs {
    /// The status that a script gets.
    fn status(self) -> u16 {
        match self {
            Self::SignIn => 401,
            Self::StepUp | Self::Tenant => 403,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::SignIn => "Open the page in a browser, and sign in.",
            Self::StepUp => "Open the page in a browser, and do MFA when the identity provider asks for it.",
            Self::Tenant => "Open the page in a browser, and sign in to the tenant that it leads to.",
        }
    }
}

/// The tenant that the person is sent to, if the context is wrong.
fn leads_to(live: &Live, route: &Route, question: &Question<'_>, evidence: &Evidence) -> Option<TenantId> {
    let (usage, Evidence::Token(proof)) = (route.sessions?, evidence) else { return None };
    let settings = live.doors.get(usage.sign_in.0)?.sign_in.settings();
    tenant(route, route.customer(question.path()), proof, settings, live)
}

fn needs(decision: &Decision, leads_to_tenant: bool) -> Option<Needs> {
    match decision {
        Decision::Deny(Denial::WrongContext) => leads_to_tenant.then_some(Needs::Tenant),
        Decision::Deny(Denial::NoCredential | Denial::InvalidToken(_)) => Some(Needs::SignIn),
        Decision::Deny(denial) if denial.check() == Check::Mfa => Some(Needs::StepUp),
        _ => None,
    }
}

fn browser_step(needs: Option<Needs>, decision: &Decision, status: Option<u16>) -> Step {
    let (outcome, detail) = match (needs, decision) {
        (Some(Needs::SignIn), _) => {
            let detail = "opening the page: 303 to the issuer, to sign in; a form: a 401 page; a script: 401 \
                          `sign_in_required` as JSON";
            (Outcome::Fail, detail.to_owned())
        }
        (Some(Needs::StepUp), _) => {
            let detail = "opening the page: 303 to the issuer, once, with the step-up's parameters, or the 403 page if a \
                          step-up for the same was in vain within five minutes; a form: a 403 page; a script: 403 as JSON";
            (Outcome::Fail, detail.to_owned())
        }
        (Some(Needs::Tenant), _) => {
            let detail = "opening the page: 303 to the issuer, once, to sign in to the tenant that the page is about, or the \
                          403 page if that was in vain within five minutes; a form: a 403 page; a script: 403 as JSON";
            (Outcome::Fail, detail.to_owned())
        }
        (None, Decision::Permit(_)) => {
            (Outcome::Pass, "the upstream's response, made private to this browser".to_owned())
        }
        (None, Decision::Deny(_)) => {
            let status = status.unwrap_or_default();
            (
                Outcome::Fail,
                format!("a {status} page that names the cause, with no redirect; a script: {status} as JSON"),
            )
        }
    };
    Step { name: "browser", outcome, detail }
}
