//! The metrics of delegations: how many there are, and how many end soon.

use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{DelegationState, Delegations};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

const DAY: Duration = Duration::from_secs(86_400);

/// The times within which ends are counted.
const WITHIN: [(&str, Duration); 2] = [("30d", DAY.saturating_mul(30)), ("7d", DAY.saturating_mul(7))];

/// The metrics of delegations. No tenant is in a label: there may be thousands. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct DelegationMetrics {
    all: Family<StateLabels, Gauge>,
    ending: Family<WithinLabels, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WithinLabels {
    within: &'static str,
}

impl DelegationMetrics {
    /// Registers them.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("delegations", "Delegations of customers to partners, by state", self.all.clone());
        let help = "Delegations in force that end within a time and aren't renewed, by that time";
        registry.register("delegations_ending", help, self.ending.clone());
    }

    /// Counts them as of now.
    pub(crate) fn observe(&self, delegations: &Delegations, now: Timestamp) {
        for state in DelegationState::ALL {
            let count = delegations.iter().filter(|one| one.state(now) == state).count();
            self.all.get_or_create_owned(&StateLabels { state: state.name() }).set(number(count));
        }
        for (within, time) in WITHIN {
            let count = delegations.ending(time, now).count();
            self.ending.get_or_create_owned(&WithinLabels { within }).set(number(count));
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
