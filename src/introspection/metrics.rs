//! The metrics of introspection.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The metrics of introspection. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntrospectionMetrics {
    questions: Family<ResultLabels, Counter>,
    pub(super) hits: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

impl IntrospectionMetrics {
    /// Registers them. Every series is there from the start, so that a rule sees the first failure, too.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for result in ["active", "inactive", "invalid", "unavailable", "limited"] {
            self.questions.get_or_create_owned(&ResultLabels { result });
        }
        let help = "Opaque tokens that the issuer was to be asked about, by result";
        registry.register("introspections", help, self.questions.clone());
        let help = "Opaque tokens whose introspection was remembered";
        registry.register("introspection_cache_hits", help, self.hits.clone());
    }

    pub(super) fn asked(&self, result: &'static str) {
        self.questions.get_or_create_owned(&ResultLabels { result }).inc();
    }
}
