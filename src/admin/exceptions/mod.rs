//! Technical exceptions as calls: listed, asked for, answered, with their evidence.
//!
//! The calls read and write JSON, and nothing else is done here: [`Exceptions`] makes every step.

mod asked;
mod evidence;
mod list;
mod path;
mod steps;

pub(super) use evidence::{add, download};
pub(super) use list::{list, one};
pub(super) use steps::{approve, reject, request, revoke, withdraw};

use std::sync::Arc;

use super::context::Admin;
use super::refused::Refused;
use crate::exceptions::{Actor, CLOSED, Exceptions, Refusal};
use crate::gateway::{Reason, Rejection};

/// The exceptions, if anybody can ask for them.
pub(super) fn exceptions(admin: &Admin) -> Result<&Arc<Exceptions>, Refused> {
    admin.exceptions.as_ref().ok_or_else(|| Refused::from(&CLOSED))
}

/// The refusal of a step, as a response.
pub(super) fn refused(refusal: Refusal, actor: &Actor) -> Refused {
    match refusal {
        Refusal::Told(notice) => notice.into(),
        Refusal::Denied(denial, rule) => {
            Rejection::new(Reason::Denied(denial)).asked_by(rule).with_proof(actor.proof.clone()).into()
        }
    }
}
