//! The metrics of the store, and how it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::StoreError;

/// The bounds of an operation's duration, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5];

/// The metrics of the store.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    operations: Family<Labels, Counter>,
    duration: Histogram,
    up: Gauge,
    purged: Counter,
    woken: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    result: &'static str,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            operations: Family::default(),
            duration: Histogram::new(BOUNDS),
            up: Gauge::default(),
            purged: Counter::default(),
            woken: Counter::default(),
        }
    }
}

impl StoreMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "store_operations",
            "Operations of the store, by what they do and by result",
            self.operations.clone(),
        );
        registry.register(
            "store_operation_duration_seconds",
            "Time that an operation of the store takes, the wait for a connection included, in seconds",
            self.duration.clone(),
        );
        registry.register("store_up", "Whether the last operation of the store succeeded: 1 or 0", self.up.clone());
        registry.register("store_purged_rows", "Rows deleted from the store after their time", self.purged.clone());
        registry.register("store_wakeups", "Notifications of other replicas that arrived", self.woken.clone());
    }

    pub(crate) fn purged(&self, rows: u64) {
        self.purged.inc_by(rows);
    }

    pub(crate) fn woken(&self) {
        self.woken.inc();
    }
}

/// How the store does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `memory`, `sqlite` or `postgres`.
    pub kind: &'static str,
    /// The time since an operation succeeded, or since the start.
    pub since_last_success: Duration,
    /// Why the last operation failed; `None` if it succeeded. It holds no secrets.
    pub last_error: Option<StoreError>,
}

/// Notes how operations end.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) metrics: StoreMetrics,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    success: Instant,
    error: Option<StoreError>,
}

impl Observer {
    pub(crate) fn new(metrics: StoreMetrics) -> Arc<Self> {
        let last = Last { success: Instant::now(), error: None };
        Arc::new(Self { metrics, last: Mutex::new(last) })
    }

    /// Notes the end of an operation that began at `start`.
    pub(crate) fn note<T>(&self, operation: &'static str, start: Instant, result: &Result<T, StoreError>) {
        let kind = result.as_ref().map_or_else(StoreError::kind, |_| "success");
        self.metrics.operations.get_or_create_owned(&Labels { operation, result: kind }).inc();
        self.metrics.duration.observe(start.elapsed().as_secs_f64());
        let mut last = self.last();
        match result.as_ref().err().filter(|error| error.is_trouble()) {
            None => {
                self.metrics.up.set(1);
                last.success = Instant::now();
                if last.error.take().is_some() {
                    tracing::info!("the store works again");
                }
            }
            Some(error) => {
                self.metrics.up.set(0);
                // Once: the poll would write a line each second.
                if last.error.as_ref().is_none_or(|known| known.kind() != error.kind()) {
                    tracing::warn!(operation, %error, "the store failed");
                }
                last.error = Some(error.clone());
            }
        }
    }

    pub(crate) fn health(&self, kind: &'static str) -> Health {
        let last = self.last();
        Health { kind, since_last_success: last.success.elapsed(), last_error: last.error.clone() }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
