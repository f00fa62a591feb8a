//! The metrics of the cache of verified tokens.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The handles of the cache's metrics. Clones count in the same.
#[derive(Clone, Debug, Default)]
pub struct CacheMetrics {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) entries: Gauge,
    pub(crate) bytes: Gauge,
}

impl CacheMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("token_cache_hits", "Lookups that found a verified token in the cache", self.hits.clone());
        registry.register(
            "token_cache_misses",
            "Lookups that found no token in the cache, so it was verified",
            self.misses.clone(),
        );
        registry.register("token_cache_entries", "Tokens in the cache", self.entries.clone());
        registry.register("token_cache_bytes", "Memory used by the tokens in the cache", self.bytes.clone());
    }
}
