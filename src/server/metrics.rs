//! The metrics of connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::gateway::metrics::{Limit, LimitMetrics};

/// The handles of the metrics of connections. Clones share their counters.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    /// Client connections open now.
    pub(super) connections: Gauge,
    accepted: Counter,
    refused: Family<ConnectionLabels, Counter>,
    limits: LimitMetrics,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConnectionLabels {
    reason: &'static str,
}

/// Why a connection was closed before anything was served on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionRefusal {
    /// It must begin with a head of the PROXY protocol, and doesn't.
    ProxyProtocol,
    /// Its address has as many as one may have.
    PerAddress,
    /// Such a head is expected, and it isn't a trusted proxy's.
    UntrustedProxy,
    /// Its TLS handshake failed.
    Tls,
}

impl ConnectionRefusal {
    const ALL: [Self; 4] = [Self::ProxyProtocol, Self::PerAddress, Self::UntrustedProxy, Self::Tls];

    fn name(self) -> &'static str {
        match self {
            Self::ProxyProtocol => "proxy_protocol",
            Self::PerAddress => "per_address",
            Self::UntrustedProxy => "untrusted_proxy",
            Self::Tls => "tls_handshake",
        }
    }
}

impl Metrics {
    /// Handles of their own, and those of the limits, which requests hit as well.
    pub(crate) fn new(limits: LimitMetrics) -> Self {
        let refused = Family::default();
        // A counter that begins at 0 lets an alert see its first step.
        for refusal in ConnectionRefusal::ALL {
            refused.get_or_create_owned(&ConnectionLabels { reason: refusal.name() });
        }
        Self { connections: Gauge::default(), accepted: Counter::default(), refused, limits }
    }

    /// Registers them, without the limits.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Open client connections", self.connections.clone());
        registry.register("connections_accepted", "Client connections accepted", self.accepted.clone());
        let help = "Client connections closed before their first request, by reason";
        registry.register("connections_refused", help, self.refused.clone());
    }

    /// Counts a connection that is opened.
    pub(super) fn accepted(&self) {
        self.connections.inc();
        self.accepted.inc();
    }

    /// Counts a connection that was not served.
    pub(super) fn refused(&self, refusal: ConnectionRefusal) {
        self.refused.get_or_create(&ConnectionLabels { reason: refusal.name() }).inc();
        if refusal == ConnectionRefusal::PerAddress {
            self.limits.hit(Limit::ConnectionsPerAddress);
        }
    }

    /// Counts that no connection could be taken, since there were as many as there may be.
    pub(super) fn full(&self) {
        self.limits.hit(Limit::Connections);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(LimitMetrics::default())
    }
}
