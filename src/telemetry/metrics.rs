//! The metrics: their names, and the handles by which they are counted.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::limits::{Limit, LimitMetrics};
use super::upstreams::{EndpointLabels, EndpointMetrics, UpstreamMetrics};
use super::{RequestMetrics, TraceMetrics, process};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_keys::KeyMetrics;
use mfa_gateway_layer::CacheMetrics;

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
    /// Reloads that changed nothing, because the new configuration is not valid.
    pub(crate) reload_failed: Counter,
    reloads: Counter,
    reloaded_at: Gauge,
    certificates: Family<CertificateLabels, Gauge>,
    /// Issuers' keys.
    pub(crate) keys: KeyMetrics,
    /// The cache of verified tokens.
    pub(crate) cache: CacheMetrics,
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
            reload_failed: Counter::default(),
            reloads: Counter::default(),
            reloaded_at: Gauge::default(),
            certificates: Family::default(),
            keys: KeyMetrics::default(),
            cache: CacheMetrics::default(),
        };
        metrics.register(registry);
        metrics.keys.register(registry);
        metrics.cache.register(registry);
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

    /// The handles of an endpoint of an upstream.
    pub(crate) fn endpoint(&self, labels: EndpointLabels) -> EndpointMetrics {
        self.upstreams.endpoint(labels)
    }

    /// Forgets issuers and endpoints that the configuration doesn't name any more: what stands still looks like trouble.
    pub(crate) fn keep_only(&self, issuer: impl Fn(&str) -> bool, endpoint: impl Fn(&EndpointLabels) -> bool) {
        self.upstreams.keep_only(endpoint);
        self.keys.keep_only(issuer);
    }

    /// All metrics in the `OpenMetrics` text format, with ages as of `now`.
    ///
    /// # Errors
    ///
    /// None in practice: writing to a string doesn't fail.
    pub(crate) fn encode(&self, now: Timestamp) -> Result<String, fmt::Error> {
        self.keys.observe(now);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
