//! Who is an operator.
//!
//! A token of the file is compared in constant time, by its hash. Any other is an access token of the operators' issuer
//! and judged as a request to a route that requires MFA: by the same authenticator and the same [`decide`], with no
//! exception and no stage in force. The configuration keeps the API's callers out: operators have an audience of their
//! own, or are listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, StatusCode};

use super::browsers::{Browsers, NO_OPERATOR};
use super::operator::Operator;
use crate::config::{AdminAuthentication, Operators, hash};
use crate::exceptions::{Actor, ExceptionSettings};
use crate::gateway::{Notice, Reason, Rejection};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{
    AppOnlyRule, Decision, Denial, Evidence, Proof, Requirement, Revocations, Rule, Waivers, decide,
};
use mfa_gateway_core::token::{TokenError, Unverified};
use mfa_gateway_layer::{Authenticator, CacheMetrics, Credential, Issuer, Lookup};

const CLOSED: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "admin_closed",
    description: "This is for operators only, and the configuration names none.",
    remedy: "Add `admin.authentication` to the configuration: a `token_file`, or `operators` who sign in with MFA.",
};

const UNKNOWN_TOKEN: Notice = Notice {
    status: StatusCode::UNAUTHORIZED,
    code: "admin_token_unknown",
    description: "The token is not in the admin listener's token file.",
    remedy: "Send a token from the file that `admin.authentication.token_file` names.",
};

/// Tells operators from others.
#[derive(Debug)]
pub(crate) enum Access {
    /// There are no operators.
    Closed,
    /// There are operators.
    Open {
        /// The SHA-256 of each token of the file.
        tokens: Vec<[u8; 32]>,
        /// Those with access tokens.
        sign_in: Option<Box<SignIn>>,
        /// Those who sign in with a browser.
        browsers: Option<Box<Browsers>>,
    },
}

/// Operators with access tokens.
#[derive(Debug)]
pub(crate) struct SignIn {
    authenticator: Authenticator,
    /// The rule that they have to meet.
    rule: Arc<Rule>,
    users: Option<BTreeSet<String>>,
    applications: BTreeSet<String>,
    clock: Clock,
}

impl Access {
    /// The access that a configuration gives. `issuers` are those of the operators, with the operators' audiences.
    pub(crate) fn new(
        authentication: Option<&AdminAuthentication>,
        issuers: Vec<Issuer>,
        max_token_bytes: usize,
        (clock, revocations): (&Clock, Option<Revocations>),
    ) -> Self {
        let Some(authentication) = authentication else { return Self::Closed };
        let sign_in = authentication
            .operators
            .as_ref()
            .map(|operators| Box::new(SignIn::new(operators, issuers, max_token_bytes, (clock, revocations))));
        let browsers = authentication.sign_in.as_ref().map(|operators| Box::new(Browsers::new(operators, clock)));
        Self::Open { tokens: authentication.tokens.clone(), sign_in, browsers }
    }

    /// Refuses, if nobody could be an operator.
    pub(super) fn admits_any(&self) -> Result<(), Rejection> {
        match self {
            Self::Closed => Err(Rejection::new(Reason::Told(&CLOSED))),
            Self::Open { .. } => Ok(()),
        }
    }

    /// Whether operators sign in with a browser.
    pub(super) fn has_browsers(&self) -> bool {
        matches!(self, Self::Open { browsers: Some(_), .. })
    }

    /// Lets an operator with a token pass.
    pub(super) async fn authorize(&self, headers: &HeaderMap) -> Result<Operator, Rejection> {
        let Self::Open { tokens, sign_in, .. } = self else { return Err(Rejection::new(Reason::Told(&CLOSED))) };
        let token = match Credential::bearer_in(headers) {
            // Operators' tokens come as bearer tokens, so that none that is bound to a key passes.
            Credential::None | Credential::Dpop(_) => return Err(denied(Denial::NoCredential)),
            Credential::Malformed => return Err(denied(Denial::InvalidToken(TokenError::Credential))),
            Credential::Bearer(token) => {
                std::str::from_utf8(token).map_err(|_| denied(Denial::InvalidToken(TokenError::Credential)))?
            }
        };
        if is_one_of(tokens, token) {
            return Ok(Operator::of_token_file());
        }
        match sign_in {
            // Where there are both, what is no access token was meant to be one of the file.
            Some(sign_in) if tokens.is_empty() || Unverified::parse(token).is_ok() => {
                let proof = sign_in.judged(headers).await?;
                sign_in.listed(&proof).ok_or_else(|| sign_in.rejected(Reason::Told(&NO_OPERATOR), Some(proof)))
            }
            _ => Err(Rejection::new(Reason::Told(&UNKNOWN_TOKEN))),
        }
    }

    /// Lets an operator pass, and a person who may ask for exceptions or answer those of others.
    pub(super) async fn authorize_person(
        &self,
        headers: &HeaderMap,
        settings: Option<&ExceptionSettings>,
    ) -> Result<Actor, Rejection> {
        let token = match Credential::bearer_in(headers) {
            Credential::Bearer(token) => std::str::from_utf8(token).unwrap_or_default(),
            Credential::None | Credential::Malformed | Credential::Dpop(_) => "",
        };
        let (Self::Open { tokens, sign_in: Some(sign_in), .. }, Some(settings)) = (self, settings) else {
            return self.authorize(headers).await.map(Actor::from);
        };
        if is_one_of(tokens, token) || !tokens.is_empty() && Unverified::parse(token).is_err() {
            return self.authorize(headers).await.map(Actor::from);
        }
        let proof = sign_in.judged(headers).await?;
        if let Some(operator) = sign_in.listed(&proof) {
            return Ok(operator.into());
        }
        if settings.concerns(&proof) {
            let user = proof.principal.user().and_then(|user| user.id.clone());
            return Ok(Operator::user(user.as_deref(), proof).person());
        }
        Err(sign_in.rejected(Reason::Told(&NO_OPERATOR), Some(proof)))
    }
}

fn denied(denial: Denial) -> Rejection {
    Rejection::new(Reason::Denied(denial))
}

/// Compares with every token, so that time tells neither which one it is like nor by how much.
fn is_one_of(tokens: &[[u8; 32]], token: &str) -> bool {
    let hash = hash(token);
    tokens.iter().fold(false, |found, known| verify_slices_are_equal(&hash, known).is_ok() | found)
}

impl SignIn {
    fn new(
        operators: &Operators,
        issuers: Vec<Issuer>,
        max_token_bytes: usize,
        (clock, revocations): (&Clock, Option<Revocations>),
    ) -> Self {
        let app_only = if operators.applications.is_empty() { AppOnlyRule::Deny } else { AppOnlyRule::Allow };
        let requirement = Requirement::Mfa { max_age: operators.max_age };
        let rule = Rule { app_only, tenants: operators.tenants.clone(), ..requirement.into() };
        Self {
            // Operators are few: the gateway neither caches their tokens nor counts their requests as traffic.
            authenticator: Authenticator::new(issuers, 0, max_token_bytes, clock.clone(), CacheMetrics::default())
                .until_revoked(revocations),
            rule: Arc::new(rule),
            users: operators.users.clone(),
            applications: operators.applications.clone(),
            clock: clock.clone(),
        }
    }

    /// Lets a valid token pass that meets the operators' rule.
    async fn judged(&self, headers: &HeaderMap) -> Result<Arc<Proof>, Rejection> {
        let evidence = match self.authenticator.look_up(Credential::bearer_in(headers)) {
            Lookup::Known(evidence) => evidence,
            Lookup::Unknown(token) => self.authenticator.verify(&token).await,
        };
        let proof = match &evidence {
            Evidence::Token(proof) => Some(Arc::clone(proof)),
            _ => None,
        };
        match (decide(&*self.rule, &evidence, &Waivers::default(), self.clock.now()), &evidence) {
            (Decision::Permit(_), Evidence::Token(proof)) => Ok(Arc::clone(proof)),
            (Decision::Permit(_), _) => Err(denied(Denial::NoCredential)),
            (Decision::Deny(denial), _) => Err(self.rejected(Reason::Denied(denial), proof)),
        }
    }

    fn rejected(&self, reason: Reason, proof: Option<Arc<Proof>>) -> Rejection {
        Rejection::new(reason).asked_by(Arc::clone(&self.rule)).with_proof(proof)
    }

    fn listed(&self, proof: &Arc<Proof>) -> Option<Operator> {
        let application = proof.principal.app().id.as_deref().map(str::to_ascii_lowercase);
        let Some(user) = proof.principal.user() else {
            return application
                .filter(|id| self.applications.contains(id))
                .map(|id| Operator::application(&id, Arc::clone(proof)));
        };
        let user = user.id.as_deref();
        let listed = self.users.as_ref().is_none_or(|users| user.is_some_and(|user| users.contains(user)));
        listed.then(|| Operator::user(user, Arc::clone(proof)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_exactly_one_of_the_file() {
        let tokens = ["first-token-of-the-file-0123456789", "second-token-of-the-file-0123456789"];
        let hashes = tokens.map(hash);
        assert!(tokens.iter().all(|token| is_one_of(&hashes, token)));
        for other in ["", "first-token-of-the-file-012345678", "first-token-of-the-file-01234567890", "FIRST-TOKEN"] {
            assert!(!is_one_of(&hashes, other), "{other}");
        }
        assert!(!is_one_of(&[], tokens[0]));
    }
}
