//! Who may do what. The gateway's one rule decides, with no exception in force.

use std::sync::Arc;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Evidence, Proof, Rule, Waivers, decide};
use mfa_gateway_store::{Exception, Who};

use super::actor::{Actor, may_be_same};
use super::refusal::{NOT_A_PERSON, NOT_THE_REQUESTER, OWN_EXCEPTION, OWN_REQUEST, Refusal};
use super::settings::ExceptionSettings;

/// What somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Every exception.
    All,
    /// What this person asked for.
    Own(Who),
}

impl ExceptionSettings {
    /// Whether these rules are about this caller at all: a user who has one of the roles, or may have one.
    pub(crate) fn concerns(&self, proof: &Proof) -> bool {
        let has = |rule: &Rule| {
            let of = |roles| proof.roles.held_of(roles).chain(proof.roles.unknown_of(roles)).next().is_some();
            rule.roles.as_ref().is_some_and(of)
        };
        proof.principal.user().is_some() && (has(&self.request) || has(&self.approver))
    }

    /// Lets a person with a requester's role pass.
    pub(super) fn may_request(&self, actor: &Actor, now: Timestamp) -> Result<Who, Refusal> {
        meets(&self.request, actor, now)
    }

    /// Lets the requester of this exception pass.
    pub(super) fn may_withdraw(&self, actor: &Actor, row: &Exception, now: Timestamp) -> Result<Who, Refusal> {
        let who = meets(&self.request, actor, now)?;
        if may_be_same(&who, &row.by) { Ok(who) } else { Err(Refusal::Told(&NOT_THE_REQUESTER)) }
    }

    /// Lets a person pass who approves, did MFA a short time ago, and has no part in this exception.
    pub(super) fn may_answer(&self, actor: &Actor, row: &Exception, now: Timestamp) -> Result<Who, Refusal> {
        let who = meets(&self.approve, actor, now)?;
        if may_be_same(&who, &row.by) {
            return Err(Refusal::Told(&OWN_REQUEST));
        }
        let is_for = actor.user().is_some_and(|user| user.eq_ignore_ascii_case(&row.asked.user));
        if is_for { Err(Refusal::Told(&OWN_EXCEPTION)) } else { Ok(who) }
    }

    /// Lets operators and approvers pass: what takes rights away needs no second pair of eyes.
    pub(super) fn may_revoke(&self, actor: &Actor, now: Timestamp) -> Result<Who, Refusal> {
        if actor.is_operator { Ok(actor.who()) } else { meets(&self.approver, actor, now) }
    }

    /// What somebody may see.
    pub(super) fn sight(&self, actor: &Actor, now: Timestamp) -> Result<Sight, Refusal> {
        if actor.is_operator || meets(&self.approver, actor, now).is_ok() {
            return Ok(Sight::All);
        }
        meets(&self.request, actor, now).map(Sight::Own)
    }
}

impl Sight {
    /// Whether that is among it.
    pub(super) fn has(&self, row: &Exception) -> bool {
        match self {
            Self::All => true,
            Self::Own(who) => may_be_same(who, &row.by),
        }
    }
}

fn meets(rule: &Arc<Rule>, actor: &Actor, now: Timestamp) -> Result<Who, Refusal> {
    let Some(proof) = actor.proof.as_ref().filter(|_| actor.user().is_some()) else {
        return Err(Refusal::Told(&NOT_A_PERSON));
    };
    match decide(&**rule, &Evidence::Token(Arc::clone(proof)), &Waivers::default(), now) {
        Decision::Permit(_) => Ok(actor.who()),
        Decision::Deny(denial) => Err(Refusal::Denied(denial, Arc::clone(rule))),
    }
}
