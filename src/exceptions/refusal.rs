//! Why a step is not made.

use std::sync::Arc;

use http::StatusCode;
use mfa_gateway_core::policy::{Denial, Rule};
use mfa_gateway_store::StoreError;

use crate::gateway::Notice;

/// Why a step is not made, or nothing is told.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The rule refuses this person.
    Denied(Denial, Arc<Rule>),
    /// For a reason with its remedy.
    Told(&'static Notice),
}

pub(crate) const CLOSED: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_exception_requests",
    description: "Nobody asks for exceptions at this gateway.",
    remedy: "Add `exception_requests` to the configuration, with the roles of requesters and approvers, and restart the gateway.",
};

pub(super) const NOT_A_PERSON: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "not_a_person",
    description: "Only a person can do this: the token names no user.",
    remedy: "Use an access token of a user who signed in with MFA. A token of the file and an app-only token name nobody.",
};

pub(super) const OWN_REQUEST: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "own_request",
    description: "This person asked for the exception, so that another one must answer.",
    remedy: "Ask another approver. To take the request back, withdraw it.",
};

pub(super) const OWN_EXCEPTION: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "own_exception",
    description: "The exception is for this person, so that another one must answer.",
    remedy: "Ask another approver.",
};

pub(super) const NOT_THE_REQUESTER: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "not_the_requester",
    description: "Another person asked for the exception.",
    remedy: "Ask that person to do this. An approver can reject the request, and revoke the exception.",
};

pub(super) const UNKNOWN: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_such_exception",
    description: "There is no exception of this id, or this person may not see it.",
    remedy: "Look for it in the list of exceptions. Requesters see their own requests; approvers and operators see all.",
};

pub(super) const NO_EVIDENCE: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_such_evidence",
    description: "The exception has no evidence of this number.",
    remedy: "Use a number that the exception's `evidence` lists.",
};

pub(super) const CONFIGURED: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "exception_configured",
    description: "This exception is one of the configuration.",
    remedy: "Change `exceptions` in the configuration, and reload it.",
};

pub(super) const WRONG_STATE: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "exception_wrong_state",
    description: "The exception is in another state, from which there is no such step.",
    remedy: "Read the exception again. A request can be approved, rejected or withdrawn; what is granted can be revoked.",
};

pub(super) const CHANGED: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "exception_changed",
    description: "Somebody made another step at the same time, or since this person read the exception.",
    remedy: "Read the exception again, and decide anew.",
};

pub(super) const ENDED: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "exception_ended",
    description: "The exception's end has passed, by the store's clock.",
    remedy: "Ask for another exception with an end in the future. If the times look right, compare the clocks.",
};

pub(super) const FULL: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "evidence_full",
    description: "The exception has as much evidence as it may have.",
    remedy: "Put several documents into one file. There may be 5 of them, each of at most 1 MiB.",
};

const STORE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "store_unavailable",
    description: "The store does not respond, so that the step may have been made or not.",
    remedy: "Read the exception again once the store can be reached; the diagnostics log says why it can't.",
};

pub(super) const NO_RANDOMNESS: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "no_randomness",
    description: "The system gives no random numbers.",
    remedy: "Try again later.",
};

impl Refusal {
    /// The refusal for a store that fails.
    pub(super) fn store(error: &StoreError) -> Self {
        tracing::warn!(kind = error.kind(), %error, "the store of exceptions failed a person");
        Self::Told(&STORE)
    }
}
