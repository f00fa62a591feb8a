//! What is counted of consents.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::state::ConsentState;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    consent: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConsent {
    consent: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UseLabels {
    consent: String,
    result: &'static str,
}

/// The metrics of consents.
#[derive(Clone, Debug, Default)]
pub struct ConsentMetrics {
    states: Family<StateLabels, Gauge>,
    lapses: Family<OfConsent, Gauge>,
    uses: Family<UseLabels, Counter>,
}

impl ConsentMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("consent_state", "1 for the state that a consent is in", self.states.clone());
        let help =
            "When the issuer lets the refresh token lapse if it isn't used, in seconds since 1970; 0 if there is none";
        registry.register("consent_lapse_timestamp_seconds", help, self.lapses.clone());
        registry.register("consent_token_requests", "Requests for an access token, by result", self.uses.clone());
    }

    /// Notes the state of a consent, and when it lapses.
    pub(super) fn state(&self, consent: &str, state: ConsentState, lapses: Option<i64>) {
        // One line for each consent: there may be thousands.
        for other in ConsentState::ALL.into_iter().filter(|other| *other != state) {
            self.states.remove(&StateLabels { consent: consent.to_owned(), state: other.code() });
        }
        self.states.get_or_create(&StateLabels { consent: consent.to_owned(), state: state.code() }).set(1);
        let labels = OfConsent { consent: consent.to_owned() };
        self.lapses.get_or_create(&labels).set(lapses.unwrap_or(0));
    }

    /// Removes what a configuration no longer names.
    pub(crate) fn forget(&self, consent: &str) {
        for state in ConsentState::ALL {
            self.states.remove(&StateLabels { consent: consent.to_owned(), state: state.code() });
        }
        self.lapses.remove(&OfConsent { consent: consent.to_owned() });
    }

    /// Counts a request for a token.
    pub(super) fn used(&self, consent: &str, result: &'static str) {
        self.uses.get_or_create(&UseLabels { consent: consent.to_owned(), result }).inc();
    }
}
