//! The metrics: their names, and the handles by which they are counted.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::limits::{Limit, LimitMetrics};
use super::upstreams::{EndpointLabels, EndpointMetrics, UpstreamMetrics};
use super::{RequestMetrics, TraceMetrics, process};
use crate::clock::Timestamp;

/// All metrics of the process. A label never takes a value that a caller can choose.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// How requests ended, and how long they took.
    pub(crate) requests: Arc<RequestMetrics>,
    /// How often limits were hit.
    pub(crate) limits: LimitMetrics,
    /// What became of spans.
    pub(crate) traces: TraceMetrics,
    upstreams: UpstreamMetrics,
    /// Panics that were caught.
    pub(crate) panics: Counter,
    /// Client connections open now.
    pub(crate) connections: Gauge,
    refused_connections: Family<ConnectionLabels, Counter>,
    /// Requests in flight now.
    pub(crate) in_flight: Gauge,
    /// Those of them that are streams of HTTP/2 connections.
    pub(crate) streams: Gauge,
    /// Tokens found in the cache of verified tokens.
    pub(crate) cache_hits: Counter,
    /// Tokens that had to be verified.
    pub(crate) cache_misses: Counter,
    /// Tokens in the cache.
    pub(crate) cache_entries: Gauge,
    /// What they take, in bytes.
    pub(crate) cache_bytes: Gauge,
    /// Reloads that changed nothing, because the new configuration is not valid.
    pub(crate) reload_failed: Counter,
    reloads: Counter,
    reloaded_at: Gauge,
    fetches: Family<FetchLabels, Counter>,
    keys: Family<IssuerLabels, Gauge>,
    fetched_at: Family<IssuerLabels, Gauge>,
    skipped_keys: Family<IssuerLabels, Gauge>,
    failures_in_row: Family<IssuerLabels, Gauge>,
    store_failures: Family<IssuerLabels, Counter>,
    certificates: Family<CertificateLabels, Gauge>,
    ages: Family<IssuerLabels, Gauge>,
    issuers: Mutex<Vec<(String, IssuerMetrics)>>,
}

/// Whose a certificate is.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CertificateLabels {
    /// `listener`, `admin` or `upstream`.
    pub(crate) of: &'static str,
    /// The listener's address, or the upstream's name.
    pub(crate) name: String,
    pub(crate) file: String,
}

/// Why a connection was closed before anything was served on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionRefusal {
    /// It doesn't begin with a head of the PROXY protocol, and must.
    ProxyProtocol,
    /// Its address has as many as one may have.
    PerAddress,
    /// Such a head is expected, and it isn't a trusted proxy's.
    UntrustedProxy,
}

impl ConnectionRefusal {
    fn name(self) -> &'static str {
        match self {
            Self::ProxyProtocol => "proxy_protocol",
            Self::PerAddress => "per_address",
            Self::UntrustedProxy => "untrusted_proxy",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConnectionLabels {
    reason: &'static str,
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
pub(crate) struct IssuerMetrics {
    pub(crate) fetched: Counter,
    pub(crate) failed: Counter,
    pub(crate) keys: Gauge,
    pub(crate) skipped: Gauge,
    pub(crate) fetched_at: Gauge,
    pub(crate) failures_in_row: Gauge,
    pub(crate) store_failed: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut root = Registry::default();
        process::register(&mut root);
        let registry = root.sub_registry_with_prefix("mfa_gateway");
        let requests = Arc::new(RequestMetrics::new(registry));
        let metrics = Self {
            registry: Registry::default(),
            requests,
            limits: LimitMetrics::new(),
            traces: TraceMetrics::new(),
            upstreams: UpstreamMetrics::default(),
            panics: Counter::default(),
            connections: Gauge::default(),
            refused_connections: Family::default(),
            in_flight: Gauge::default(),
            streams: Gauge::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            reload_failed: Counter::default(),
            reloads: Counter::default(),
            reloaded_at: Gauge::default(),
            fetches: Family::default(),
            keys: Family::default(),
            fetched_at: Family::default(),
            skipped_keys: Family::default(),
            failures_in_row: Family::default(),
            store_failures: Family::default(),
            certificates: Family::default(),
            ages: Family::default(),
            issuers: Mutex::default(),
        };
        metrics.register(registry);
        metrics.register_keys(registry);
        Self { registry: root, ..metrics }
    }

    fn register(&self, registry: &mut Registry) {
        // A counter that begins at 0 lets an alert see its first step.
        for refusal in
            [ConnectionRefusal::ProxyProtocol, ConnectionRefusal::PerAddress, ConnectionRefusal::UntrustedProxy]
        {
            self.refused_connections.get_or_create_owned(&ConnectionLabels { reason: refusal.name() });
        }
        self.limits.register(registry);
        self.upstreams.register(registry);
        self.traces.register(registry);
        let help = "Lines that a log had no place for, or that could not be written";
        registry.register("log_lines_lost", help, super::sink::LOST.clone());
        registry.register("panics", "Panics that were caught", self.panics.clone());
        registry.register("connections", "Client connections open now", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections closed before anything was served on them",
            self.refused_connections.clone(),
        );
        registry.register("requests_in_flight", "Requests in flight now", self.in_flight.clone());
        registry.register("http2_streams", "Those of them that are HTTP/2 streams", self.streams.clone());
        registry.register("token_cache_hits", "Tokens found verified in the cache", self.cache_hits.clone());
        registry.register("token_cache_misses", "Tokens that had to be verified", self.cache_misses.clone());
        registry.register("token_cache_entries", "Tokens in the cache", self.cache_entries.clone());
        registry.register("token_cache_bytes", "What the tokens in the cache take", self.cache_bytes.clone());
        registry.register("config_reloads", "Configurations taken into use", self.reloads.clone());
        registry.register("config_reload_failures", "Configurations that were not valid", self.reload_failed.clone());
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration was last taken into use",
            self.reloaded_at.clone(),
        );
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When a certificate that the gateway shows expires",
            self.certificates.clone(),
        );
    }

    fn register_keys(&self, registry: &mut Registry) {
        registry.register("jwks_age_seconds", "How long ago an issuer confirmed its keys", self.ages.clone());
        registry.register("jwks_fetches", "Fetches of an issuer's keys", self.fetches.clone());
        registry.register("jwks_keys", "Usable keys of an issuer", self.keys.clone());
        registry.register("jwks_skipped_keys", "Entries of an issuer's key set not usable", self.skipped_keys.clone());
        registry.register(
            "jwks_fetched_timestamp_seconds",
            "When an issuer last confirmed its keys",
            self.fetched_at.clone(),
        );
        registry.register(
            "jwks_failures_in_row",
            "Attempts to refresh an issuer's keys that failed since the last success",
            self.failures_in_row.clone(),
        );
        registry.register(
            "jwks_store_failures",
            "Times that an issuer's keys could not be written to disk",
            self.store_failures.clone(),
        );
    }

    /// Counts a connection that was not served.
    pub(crate) fn refused_connection(&self, refusal: ConnectionRefusal) {
        self.refused_connections.get_or_create(&ConnectionLabels { reason: refusal.name() }).inc();
        if refusal == ConnectionRefusal::PerAddress {
            self.limits.hit(Limit::ConnectionsPerAddress);
        }
    }

    /// Notes when the certificates in use expire.
    pub(crate) fn certificates_expire(&self, expiries: impl Iterator<Item = (CertificateLabels, Timestamp)>) {
        self.certificates.clear();
        for (labels, expiry) in expiries {
            self.certificates.get_or_create_owned(&labels).set(expiry.as_secs());
        }
    }

    /// Counts a reload.
    pub(crate) fn reloaded(&self, now: Timestamp) {
        self.reloads.inc();
        self.reloaded_at.set(now.as_secs());
    }

    /// The handles of an issuer, resolved once. Owned ones: a borrowed handle holds its family's lock.
    pub(crate) fn issuer(&self, name: &str) -> IssuerMetrics {
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

    /// The handles of an endpoint of an upstream.
    pub(crate) fn endpoint(&self, labels: EndpointLabels) -> EndpointMetrics {
        self.upstreams.endpoint(labels)
    }

    /// Forgets issuers and endpoints that the configuration doesn't name any more: what stands still looks like trouble.
    pub(crate) fn keep_only(&self, issuer: impl Fn(&str) -> bool, endpoint: impl Fn(&EndpointLabels) -> bool) {
        self.upstreams.keep_only(endpoint);
        self.issuers().retain(|(name, _)| {
            let keep = issuer(name);
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

    fn issuers(&self) -> std::sync::MutexGuard<'_, Vec<(String, IssuerMetrics)>> {
        self.issuers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All metrics in the `OpenMetrics` text format, with ages as of `now`.
    ///
    /// # Errors
    ///
    /// None in practice: writing to a string doesn't fail.
    pub(crate) fn encode(&self, now: Timestamp) -> Result<String, fmt::Error> {
        for (issuer, metrics) in self.issuers().iter() {
            let fetched_at = metrics.fetched_at.get();
            // Before the first time there is no age.
            if fetched_at > 0 {
                let age = self.ages.get_or_create_owned(&IssuerLabels { issuer: issuer.clone() });
                age.set(now.as_secs().saturating_sub(fetched_at).max(0));
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
