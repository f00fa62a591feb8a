//! The metrics of what is counted for the report.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::counted::Outcome;
use super::status::credential;

/// The metrics of the report's counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportMetrics {
    decisions: Family<Labels, Counter>,
    pub(super) unflushed: Gauge,
    pub(super) flushed_at: Gauge,
    pub(super) failures: Counter,
    pub(super) nameless: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    credential: &'static str,
    outcome: &'static str,
}

impl ReportMetrics {
    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help =
            "Decisions that the status report counts, by credential and by what became of them, each ten seconds";
        registry.register("report_decisions", help, self.decisions.clone());
        let help = "Decisions that this process has counted for the status report and not yet added to the store";
        registry.register("report_unflushed_decisions", help, self.unflushed.clone());
        let help = "Time when the store last had all counts of this process, in seconds since 1970";
        registry.register("report_last_flush_timestamp_seconds", help, self.flushed_at.clone());
        let help = "Attempts to add counts to the store that failed";
        registry.register("report_flush_failures", help, self.failures.clone());
        let help = "Decisions that are counted without names, because there were too many different ones";
        registry.register("report_nameless_decisions", help, self.nameless.clone());
    }

    /// Shows each count from the start, at 0: a rate needs to see it rise.
    pub(super) fn show(&self) {
        for outcome in Outcome::ALL {
            for portal in [true, false] {
                self.counted(portal, outcome, 0);
            }
        }
    }

    pub(super) fn counted(&self, portal: bool, outcome: Outcome, count: u64) {
        let labels = Labels { credential: credential(portal), outcome: outcome.name() };
        self.decisions.get_or_create_owned(&labels).inc_by(count);
    }
}
