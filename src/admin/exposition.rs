//! The metrics of the process, as a text.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_keys::KeyMetrics;

use super::readiness::Phase;

/// How many scrapes there may be at once. Each takes a thread for as long as its reader does.
const SCRAPES: usize = 4;

/// The registry of all metrics, with those whose values are only known by looking.
#[derive(Debug)]
pub(crate) struct Exposition {
    registry: Registry,
    keys: Arc<KeyMetrics>,
    ready: Gauge,
    /// The turns of those who scrape.
    pub(super) turns: Arc<Semaphore>,
}

impl Exposition {
    /// The metrics of a registry. Those of keys have ages.
    pub(crate) fn new(registry: Registry, keys: Arc<KeyMetrics>, ready: Gauge) -> Self {
        Self { registry, keys, ready, turns: Arc::new(Semaphore::new(SCRAPES)) }
    }

    /// Writes them in the `OpenMetrics` text format, with ages as of `now` and the readiness of this phase. Those of many
    /// routes take a while, so this is not for a thread that serves.
    ///
    /// # Errors
    ///
    /// If `to` takes no more.
    pub(super) fn write(&self, to: &mut impl fmt::Write, now: Timestamp, phase: Phase) -> fmt::Result {
        self.keys.observe(now);
        self.ready.set(i64::from(phase == Phase::Ready));
        encode(to, &self.registry)
    }
}
