//! What the configuration says of the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::policy::{AppOnlyRule, Requirement, Rule};

use super::calendar::Calendar;

/// Who may ask for and answer requests, and by when.
#[derive(Clone, Debug)]
pub(crate) struct ExceptionSettings {
    /// What a requester has to meet: one of the roles, and MFA.
    pub(crate) request: Arc<Rule>,
    /// What an approver has to meet: one of the roles, and MFA a short time ago.
    pub(crate) approve: Arc<Rule>,
    /// The same without the time, for what takes rights away and for reading.
    pub(crate) approver: Arc<Rule>,
    /// When answers are due.
    pub(crate) calendar: Calendar,
    /// How long an exception may last.
    pub(crate) longest: Duration,
    /// How long granted exceptions are believed without the store.
    pub(crate) outage: Duration,
    /// Whether the report counts uses.
    pub(crate) counts: bool,
    /// What a request may name.
    pub(crate) known: Known,
}

/// The names that an exception can match.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Those of the issuers.
    pub(crate) issuers: BTreeSet<String>,
    /// The routes, as the configuration writes them.
    pub(crate) routes: BTreeSet<String>,
}

impl ExceptionSettings {
    /// The settings for these roles.
    pub(crate) fn new(
        request: BTreeSet<String>,
        approve: BTreeSet<String>,
        approval_max_age: Duration,
        calendar: Calendar,
        (longest, outage): (Duration, Duration),
    ) -> Self {
        let rule = |roles: BTreeSet<String>, max_age| {
            let requirement = Requirement::Mfa { max_age };
            Arc::new(Rule { roles: Some(roles), app_only: AppOnlyRule::Deny, ..requirement.into() })
        };
        Self {
            request: rule(request, None),
            approve: rule(approve.clone(), Some(approval_max_age)),
            approver: rule(approve, None),
            calendar,
            longest,
            outage,
            counts: false,
            known: Known::default(),
        }
    }

    /// The same, for requests that may name these.
    pub(crate) fn knowing(self, known: Known) -> Self {
        Self { known, ..self }
    }

    /// The same, where the report counts uses or not.
    pub(crate) fn counting(self, counts: bool) -> Self {
        Self { counts, ..self }
    }
}
