//! Operators who sign in with a browser: their session is judged as a request to a route that requires MFA, by the same
//! [`decide`], with no exception and no stage in force.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;

use super::operator::Operator;
use crate::config::OperatorsSignIn;
use crate::exceptions::{Actor, ExceptionSettings};
use crate::gateway::{Notice, Reason, Rejection};
use crate::routing::{Pattern, Route};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Proof, Rule, Waivers, decide};

pub(super) const NO_OPERATOR: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "not_an_operator",
    description: "The token is valid, but its user or application is not an operator of the gateway.",
    remedy: "Add the user to `admin.authentication.operators`, or use an operator's token.",
};

/// Operators who sign in with a browser.
#[derive(Debug)]
pub(crate) struct Browsers {
    /// What they have to meet, as a route: a refusal says what it asks for.
    route: Arc<Route>,
    /// The same of those who may ask for exceptions or answer those of others: their roles are judged by that.
    of_people: Rule,
    users: Option<BTreeSet<String>>,
    clock: Clock,
}

impl Browsers {
    /// Those of a configuration.
    pub(crate) fn new(operators: &OperatorsSignIn, clock: &Clock) -> Self {
        let route = Route::new(Pattern::Prefix("/".to_owned()), operators.rule.clone());
        let of_people = Rule { roles: None, ..route.rule.clone() };
        Self { route: Arc::new(route), of_people, users: operators.users.clone(), clock: clock.clone() }
    }

    /// What they have to meet.
    pub(super) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// The operator whose session shows this.
    pub(super) fn admit(&self, evidence: &Evidence) -> Result<Operator, Rejection> {
        match (decide(&self.route.rule, evidence, &Waivers::default(), self.clock.now()), evidence) {
            (Decision::Permit(_), Evidence::Token(proof)) => self
                .listed(proof)
                .ok_or_else(|| Rejection::new(Reason::Told(&NO_OPERATOR)).with_proof(Some(Arc::clone(proof)))),
            (Decision::Permit(_), _) => Err(Rejection::new(Reason::Denied(Denial::NoCredential))),
            (Decision::Deny(denial), evidence) => {
                let proof = if let Evidence::Token(proof) = evidence { Some(Arc::clone(proof)) } else { None };
                Err(Rejection::new(Reason::Denied(denial)).with_proof(proof))
            }
        }
    }

    /// The operator whose session shows this, or a person who may ask for exceptions or answer those of others.
    pub(super) fn admit_person(
        &self,
        evidence: &Evidence,
        settings: Option<&ExceptionSettings>,
    ) -> Result<Actor, Rejection> {
        self.admit(evidence).map(Actor::from).or_else(|rejection| self.person(evidence, settings).ok_or(rejection))
    }

    /// Somebody who is no operator: MFA and the tenant are asked of all.
    fn person(&self, evidence: &Evidence, settings: Option<&ExceptionSettings>) -> Option<Actor> {
        let (Evidence::Token(proof), Some(settings)) = (evidence, settings) else { return None };
        let decision = decide(&self.of_people, evidence, &Waivers::default(), self.clock.now());
        let is_one = matches!(decision, Decision::Permit(_)) && settings.concerns(proof);
        let user = proof.principal.user()?.id.as_deref();
        is_one.then(|| Operator::user(user, Arc::clone(proof)).person())
    }

    fn listed(&self, proof: &Arc<Proof>) -> Option<Operator> {
        let user = proof.principal.user()?.id.as_deref();
        let listed = self.users.as_ref().is_none_or(|users| user.is_some_and(|user| users.contains(user)));
        listed.then(|| Operator::user(user, Arc::clone(proof)))
    }
}
