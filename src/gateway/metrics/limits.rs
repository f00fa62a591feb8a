//! The metric of limits: how often each was hit.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

/// A limit on what clients may send or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `limits.connections`.
    Connections,
    /// `limits.connections_per_address`.
    ConnectionsPerAddress,
    /// `limits.requests`.
    Requests,
    /// A rate limit.
    Rate,
    /// `limits.header_bytes` and `limits.headers`.
    Head,
    /// `limits.url_bytes`.
    Url,
    /// `limits.body_bytes`, or a route's own.
    Body,
    /// `timeouts.body`.
    BodyTime,
}

/// Their names, by place.
const NAMES: [&str; 8] =
    ["connections", "connections_per_address", "requests", "rate", "head", "url", "body", "body_time"];

/// How often each limit was hit.
#[derive(Clone, Debug)]
pub(crate) struct LimitMetrics {
    all: Family<LimitLabels, Counter>,
    counters: [Counter; NAMES.len()],
}

impl Default for LimitMetrics {
    fn default() -> Self {
        let all = Family::<LimitLabels, Counter>::default();
        let counters = NAMES.map(|limit| all.get_or_create_owned(&LimitLabels { limit }));
        Self { all, counters }
    }
}

impl LimitMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("limits_hit", "Times that a limit refused or delayed a client, by limit", self.all.clone());
    }

    /// Counts that a limit was hit.
    pub(crate) fn hit(&self, limit: Limit) {
        if let Some(counter) = self.counters.get(limit as usize) {
            counter.inc();
        }
    }
}
