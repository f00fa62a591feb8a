//! All handles of the gateway's metrics.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{DelegationMetrics, LimitMetrics, RequestMetrics};

/// The handles of the gateway's metrics.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// How requests ended, and how long they took.
    pub(crate) requests: RequestMetrics,
    /// How often limits were hit.
    pub(crate) limits: LimitMetrics,
    /// How many delegations there are.
    pub(crate) delegations: DelegationMetrics,
    /// Panics that were caught.
    pub(crate) panics: Counter,
    /// Requests in flight now.
    pub(crate) in_flight: Gauge,
    /// Those of them that are streams of HTTP/2 connections.
    pub(crate) streams: Gauge,
}

impl Metrics {
    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.requests.register(registry);
        self.limits.register(registry);
        self.delegations.register(registry);
        registry.register("panics", "Panics that were caught", self.panics.clone());
        registry.register("requests_in_flight", "Requests in flight", self.in_flight.clone());
        registry.register("http2_streams", "Requests in flight that are HTTP/2 streams", self.streams.clone());
    }
}
