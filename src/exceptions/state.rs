//! The states of an exception. Somebody brings it to some of them, and time to the others: those are never stored.

use mfa_gateway_store::{Exception, ExceptionFilter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It waits for an answer.
    Requested,
    /// It is granted, and its start is still to come.
    Approved,
    /// It waives MFA.
    Active,
    /// It was not granted.
    Rejected,
    /// Its requester took the request back.
    Withdrawn,
    /// It ended early.
    Revoked,
    /// Its end has come; if nobody answered, without effect.
    Expired,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Requested, Self::Approved, Self::Active, Self::Rejected, Self::Withdrawn, Self::Revoked, Self::Expired];

    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state of a row at this time. A word that this version doesn't know waives nothing.
    pub(crate) fn of(row: &Exception, now: i64) -> Self {
        let is_over = row.asked.ends <= now;
        match row.state.as_str() {
            "requested" | "approved" if is_over => Self::Expired,
            "requested" => Self::Requested,
            "approved" if row.asked.starts <= now => Self::Active,
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            "withdrawn" => Self::Withdrawn,
            _ => Self::Revoked,
        }
    }

    /// What the store lists for this state at this time.
    pub(super) fn filter(self, now: i64) -> ExceptionFilter {
        let all = ExceptionFilter::default();
        match self {
            Self::Requested => ExceptionFilter { states: vec!["requested"], ends_after: Some(now), ..all },
            Self::Approved => {
                let (ends_after, not_begun_at) = (Some(now), Some(now));
                ExceptionFilter { states: vec!["approved"], ends_after, not_begun_at, ..all }
            }
            Self::Active => {
                let (ends_after, begun_at) = (Some(now), Some(now));
                ExceptionFilter { states: vec!["approved"], ends_after, begun_at, ..all }
            }
            Self::Rejected | Self::Withdrawn | Self::Revoked => ExceptionFilter { states: vec![self.name()], ..all },
            Self::Expired => ExceptionFilter { states: vec!["requested", "approved"], ended_at: Some(now), ..all },
        }
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_store::NewException;

    use super::*;

    #[test]
    fn time_brings_an_exception_from_approved_to_active_and_to_its_end() {
        let row = |state: &str| Exception {
            asked: NewException { starts: 10, ends: 20, ..NewException::default() },
            state: state.to_owned(),
            ..Exception::default()
        };
        let states = |state: &str| [9, 10, 19, 20].map(|now| State::of(&row(state), now));
        assert_eq!(states("approved"), [State::Approved, State::Active, State::Active, State::Expired]);
        assert_eq!(states("requested"), [State::Requested, State::Requested, State::Requested, State::Expired]);
        for state in [State::Rejected, State::Withdrawn, State::Revoked] {
            assert_eq!(states(state.name()), [state; 4]);
        }
        assert_eq!(states("of a later version"), [State::Revoked; 4]);
        assert!(State::ALL.into_iter().all(|state| State::from_name(state.name()) == Some(state)));
    }
}
