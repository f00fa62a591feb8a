//! The steps that people make, and what each is made from.

use schemars::JsonSchema;
use serde::Deserialize;

use super::state::State;

/// A step after the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Another person grants it.
    Approve,
    /// Another person doesn't.
    Reject,
    /// The requester takes it back.
    Withdraw,
    /// It ends early.
    Revoke,
}

/// What a step says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepForm {
    /// The reason, for those who look at the steps later.
    pub(crate) reason: String,
    /// The `version` that this person has read. With it, a step of somebody else in between is no surprise: it is refused.
    #[serde(default)]
    pub(crate) version: Option<i64>,
}

impl Answer {
    /// The word for it in the steps, which is also what the store has as the state afterwards.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Withdraw => "withdrawn",
            Self::Revoke => "revoked",
        }
    }

    /// Whether it can be made from this state.
    pub(super) fn is_from(self, state: State) -> bool {
        match self {
            Self::Approve | Self::Reject | Self::Withdraw => state == State::Requested,
            Self::Revoke => matches!(state, State::Approved | State::Active),
        }
    }
}
