//! The metrics of security events.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The results that a delivery can have.
const RESULTS: [&str; 9] = [
    "accepted",
    "repeated",
    "invalid_request",
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
    "unavailable",
];

/// The metrics of security events. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventMetrics {
    received: Family<ReceivedLabels, Counter>,
    events: Family<EventLabels, Counter>,
    pub(super) revoked: Gauge,
    pub(super) read_at: Gauge,
    pub(super) failures: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReceivedLabels {
    transmitter: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EventLabels {
    transmitter: String,
    event: &'static str,
    effect: &'static str,
}

impl EventMetrics {
    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Security event tokens that were delivered, by transmitter and result";
        registry.register("security_event_tokens", help, self.received.clone());
        let help = "Security events in accepted tokens, by transmitter, event and effect";
        registry.register("security_events", help, self.events.clone());
        let help = "Subjects whose tokens are refused because of security events";
        registry.register("revoked_subjects", help, self.revoked.clone());
        let help = "Time when revocations were last read from the store, in seconds since 1970";
        registry.register("revocations_read_timestamp_seconds", help, self.read_at.clone());
        let help = "Times that the store could not be asked for revocations";
        registry.register("revocation_store_failures", help, self.failures.clone());
    }

    /// Has every series of a transmitter be there from the start, so that a rule sees the first failure, too.
    pub(super) fn expect(&self, transmitter: &str) {
        for result in RESULTS {
            self.received.get_or_create_owned(&ReceivedLabels { transmitter: transmitter.to_owned(), result });
        }
    }

    /// Counts a delivery. One that names no transmitter has an empty name.
    pub(super) fn received(&self, transmitter: &str, result: &'static str) {
        let labels = ReceivedLabels { transmitter: transmitter.to_owned(), result };
        self.received.get_or_create_owned(&labels).inc();
    }

    /// Counts an event.
    pub(super) fn told(&self, transmitter: &str, event: &'static str, effect: &'static str) {
        let labels = EventLabels { transmitter: transmitter.to_owned(), event, effect };
        self.events.get_or_create_owned(&labels).inc();
    }
}
