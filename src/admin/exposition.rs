//! The metrics of the process, as a text.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_keys::KeyMetrics;

use super::readiness::Phase;

/// The registry of all metrics, with those whose values are only known by looking.
#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) registry: Registry,
    pub(crate) keys: Arc<KeyMetrics>,
    pub(crate) ready: Gauge,
}

impl Exposition {
    /// Writes them in the `OpenMetrics` text format, with ages as of `now` and the readiness of this phase.
    ///
    /// # Errors
    ///
    /// None in practice: writing to a string doesn't fail.
    pub(super) fn encode(&self, now: Timestamp, phase: Phase) -> Result<String, fmt::Error> {
        self.keys.observe(now);
        self.ready.set(i64::from(phase == Phase::Ready));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
