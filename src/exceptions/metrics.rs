//! The metrics of exceptions that people ask for.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of the process of exceptions. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExceptionMetrics {
    open: Family<StateLabels, Gauge>,
    steps: Family<StepLabels, Counter>,
    ending: Family<WithinLabels, Gauge>,
    pub(super) overdue: Gauge,
    pub(super) next_due: Gauge,
    pub(super) read_at: Gauge,
    pub(super) suspended: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WithinLabels {
    within: &'static str,
}

impl ExceptionMetrics {
    /// Registers them. Every series is there from the start, so that a rule sees the first step, too.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for state in ["requested", "approved", "active"] {
            self.open.get_or_create_owned(&StateLabels { state });
        }
        for step in ["requested", "evidence", "approved", "rejected", "withdrawn", "revoked"] {
            self.steps.get_or_create_owned(&StepLabels { step });
        }
        for within in ["7d", "1d"] {
            self.ending.get_or_create_owned(&WithinLabels { within });
        }
        registry.register(
            "exception_requests",
            "Exceptions that people asked for and that are open or granted, by state",
            self.open.clone(),
        );
        registry.register("exception_steps", "Steps of exceptions that were made here, by step", self.steps.clone());
        registry.register(
            "exceptions_ending",
            "Granted exceptions in force that end within a time, by that time",
            self.ending.clone(),
        );
        registry.register(
            "exception_requests_overdue",
            "Requests for exceptions without an answer after three working days",
            self.overdue.clone(),
        );
        registry.register(
            "exception_request_due_timestamp_seconds",
            "Time when the next answer to a request is due, in seconds since 1970; 0 if none is",
            self.next_due.clone(),
        );
        registry.register(
            "exception_register_read_timestamp_seconds",
            "Time when the granted exceptions were last read from the store, in seconds since 1970; 0 if never",
            self.read_at.clone(),
        );
        registry.register(
            "exceptions_suspended",
            "1 while granted exceptions waive nothing, because the store could not be read for too long",
            self.suspended.clone(),
        );
    }

    pub(super) fn open(&self, state: &'static str, count: usize) {
        self.open.get_or_create_owned(&StateLabels { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn step(&self, step: &'static str) {
        self.steps.get_or_create_owned(&StepLabels { step }).inc();
    }

    pub(super) fn ending(&self, within: &'static str, count: usize) {
        self.ending.get_or_create_owned(&WithinLabels { within }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
