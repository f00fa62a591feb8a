//! The metrics of issuers' keys.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mfa_gateway_core::clock::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of all issuers' keys.
#[derive(Debug, Default)]
pub struct KeyMetrics {
    fetches: Family<FetchLabels, Counter>,
    keys: Family<IssuerLabels, Gauge>,
    fetched_at: Family<IssuerLabels, Gauge>,
    skipped_keys: Family<IssuerLabels, Gauge>,
    failures_in_row: Family<IssuerLabels, Gauge>,
    store_failures: Family<IssuerLabels, Counter>,
    ages: Family<IssuerLabels, Gauge>,
    issuers: Mutex<Vec<(String, IssuerMetrics)>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct IssuerLabels {
    issuer: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FetchLabels {
    issuer: String,
    result: &'static str,
}

/// The handles of one issuer's metrics.
#[derive(Clone, Debug)]
pub struct IssuerMetrics {
    pub(crate) fetched: Counter,
    pub(crate) failed: Counter,
    pub(crate) keys: Gauge,
    pub(crate) skipped: Gauge,
    pub(crate) fetched_at: Gauge,
    pub(crate) failures_in_row: Gauge,
    pub(crate) store_failed: Counter,
}

impl KeyMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "jwks_age_seconds",
            "Age of an issuer's keys: time since the last successful fetch, in seconds",
            self.ages.clone(),
        );
        registry.register("jwks_fetches", "Fetches of an issuer's keys, by result", self.fetches.clone());
        registry.register("jwks_keys", "Usable keys of an issuer", self.keys.clone());
        registry.register("jwks_skipped_keys", "Unusable entries of an issuer's key set", self.skipped_keys.clone());
        registry.register(
            "jwks_fetched_timestamp_seconds",
            "Time of the last successful fetch of an issuer's keys, in seconds since 1970",
            self.fetched_at.clone(),
        );
        registry.register(
            "jwks_failures_in_row",
            "Failed refreshes of an issuer's keys since the last successful one",
            self.failures_in_row.clone(),
        );
        registry.register(
            "jwks_store_failures",
            "Failed writes of an issuer's keys to disk",
            self.store_failures.clone(),
        );
    }

    /// The handles of an issuer, resolved once. Owned ones: a borrowed handle holds its family's lock.
    #[must_use]
    pub fn issuer(&self, name: &str) -> IssuerMetrics {
        let labels = IssuerLabels { issuer: name.to_owned() };
        let fetch = |result| FetchLabels { issuer: name.to_owned(), result };
        let metrics = IssuerMetrics {
            fetched: self.fetches.get_or_create_owned(&fetch("success")),
            failed: self.fetches.get_or_create_owned(&fetch("failure")),
            keys: self.keys.get_or_create_owned(&labels),
            skipped: self.skipped_keys.get_or_create_owned(&labels),
            fetched_at: self.fetched_at.get_or_create_owned(&labels),
            failures_in_row: self.failures_in_row.get_or_create_owned(&labels),
            store_failed: self.store_failures.get_or_create_owned(&labels),
        };
        let mut issuers = self.issuers();
        if issuers.iter().all(|(known, _)| known != name) {
            issuers.push((name.to_owned(), metrics.clone()));
        }
        metrics
    }

    /// Forgets issuers that the configuration doesn't name any more: what stands still looks like trouble.
    pub fn keep_only(&self, named: impl Fn(&str) -> bool) {
        self.issuers().retain(|(name, _)| {
            let keep = named(name);
            if !keep {
                let labels = IssuerLabels { issuer: name.clone() };
                for family in [&self.keys, &self.fetched_at, &self.skipped_keys, &self.failures_in_row, &self.ages] {
                    family.remove(&labels);
                }
                self.store_failures.remove(&labels);
                for result in ["success", "failure"] {
                    self.fetches.remove(&FetchLabels { issuer: name.clone(), result });
                }
            }
            keep
        });
    }

    /// Notes how old each issuer's keys are now.
    pub fn observe(&self, now: Timestamp) {
        for (issuer, metrics) in self.issuers().iter() {
            let fetched_at = metrics.fetched_at.get();
            // Before the first time there is no age.
            if fetched_at > 0 {
                let age = self.ages.get_or_create_owned(&IssuerLabels { issuer: issuer.clone() });
                age.set(now.as_secs().saturating_sub(fetched_at).max(0));
            }
        }
    }

    fn issuers(&self) -> MutexGuard<'_, Vec<(String, IssuerMetrics)>> {
        self.issuers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
