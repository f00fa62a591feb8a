//! The metrics of the process: each component's handles, and the one registry that reports all.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::admin::Exposition;
use crate::consent::ConsentMetrics;
use crate::events::EventMetrics;
use crate::introspection::IntrospectionMetrics;
use crate::report::ReportMetrics;
use crate::session::SessionMetrics;
use crate::telemetry::{TraceMetrics, register_logs, register_process};
use crate::upstream::UpstreamMetrics;
use crate::vendors::VendorMetrics;
use crate::{gateway, server};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_keys::KeyMetrics;
use mfa_gateway_layer::CacheMetrics;
use mfa_gateway_store::StoreMetrics;

/// The handles of every component's metrics. Clones count in the same. A label never takes a value that a caller can
/// choose.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(super) gateway: Arc<gateway::metrics::Metrics>,
    pub(super) server: server::Metrics,
    pub(super) upstreams: Arc<UpstreamMetrics>,
    pub(super) traces: TraceMetrics,
    pub(super) reloads: ReloadMetrics,
    pub(super) certificates: CertificateMetrics,
    pub(super) exceptions: ExceptionMetrics,
    pub(super) exception_requests: crate::exceptions::ExceptionMetrics,
    pub(super) keys: Arc<KeyMetrics>,
    pub(super) cache: CacheMetrics,
    pub(super) report: ReportMetrics,
    pub(super) sessions: SessionMetrics,
    pub(super) events: EventMetrics,
    pub(super) introspection: IntrospectionMetrics,
    pub(super) consents: ConsentMetrics,
    pub(super) vendors: VendorMetrics,
    pub(super) store: StoreMetrics,
}

/// The handles of the metrics of reloads. Clones share their counters.
#[derive(Clone, Debug, Default)]
pub(super) struct ReloadMetrics {
    succeeded: Counter,
    succeeded_at: Gauge,
    last_succeeded: Gauge,
    hash: Gauge,
    /// Reloads that changed nothing, because the new configuration is not valid.
    failed: Counter,
}

/// The metric of certificates. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct CertificateMetrics(Family<CertificateLabels, Gauge>);

/// The metric of exceptions. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct ExceptionMetrics(Family<ExceptionLabels, Gauge>);

/// Which exception it is.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ExceptionLabels {
    /// Its id in the configuration.
    pub(super) exception: String,
}

/// Whose a certificate is.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct CertificateLabels {
    /// `listener`, `admin` or `upstream`.
    pub(super) of: &'static str,
    /// The listener's address, or the upstream's name.
    pub(super) name: String,
    pub(super) file: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let gateway = Arc::<gateway::metrics::Metrics>::default();
        Self {
            server: server::Metrics::new(gateway.limits.clone()),
            gateway,
            upstreams: Arc::default(),
            traces: TraceMetrics::default(),
            reloads: ReloadMetrics::default(),
            certificates: CertificateMetrics::default(),
            exceptions: ExceptionMetrics::default(),
            exception_requests: crate::exceptions::ExceptionMetrics::default(),
            keys: Arc::default(),
            cache: CacheMetrics::default(),
            report: ReportMetrics::default(),
            sessions: SessionMetrics::default(),
            events: EventMetrics::default(),
            introspection: IntrospectionMetrics::default(),
            consents: ConsentMetrics::default(),
            vendors: VendorMetrics::default(),
            store: StoreMetrics::default(),
        }
    }
}

impl Metrics {
    /// Registers all of them, with what is known of the process.
    pub(super) fn register(&self) -> Exposition {
        let mut root = Registry::default();
        register_process(&mut root);
        let registry = root.sub_registry_with_prefix("mfa_gateway");
        self.gateway.register(registry);
        self.server.register(registry);
        self.upstreams.register(registry);
        self.traces.register(registry);
        register_logs(registry);
        self.reloads.register(registry);
        self.certificates.register(registry);
        self.exceptions.register(registry);
        self.exception_requests.register(registry);
        self.keys.register(registry);
        self.cache.register(registry);
        self.report.register(registry);
        self.sessions.register(registry);
        self.events.register(registry);
        self.introspection.register(registry);
        self.consents.register(registry);
        self.vendors.register(registry);
        self.store.register(registry);
        let ready = Gauge::default();
        registry.register("ready", "1 while the gateway accepts traffic, as /readyz says", ready.clone());
        Exposition::new(root, Arc::clone(&self.keys), ready)
    }
}

impl ReloadMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("config_reloads", "Successful reloads of the configuration", self.succeeded.clone());
        registry.register("config_reload_failures", "Failed reloads of the configuration", self.failed.clone());
        let help = "Time of the last successful load of the configuration, in seconds since 1970";
        registry.register("config_last_reload_success_timestamp_seconds", help, self.succeeded_at.clone());
        let help = "1, or 0 since the last reload of the configuration failed";
        registry.register("config_last_reload_successful", help, self.last_succeeded.clone());
        let help = "The first 48 bits of the hash of the configuration in use, as a number";
        registry.register("config_hash", help, self.hash.clone());
    }

    /// Notes the first load.
    pub(super) fn started(&self, now: Timestamp, hash: &str) {
        // So many of its digits as a number of 64 bits, and Prometheus's, has exactly.
        self.hash.set(hash.get(..12).and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or_default());
        self.last_succeeded.set(1);
        self.succeeded_at.set(now.as_secs());
    }

    /// Counts a reload.
    pub(super) fn succeeded(&self, now: Timestamp, hash: &str) {
        self.succeeded.inc();
        self.started(now, hash);
    }

    /// Counts a reload that changed nothing.
    pub(super) fn failed(&self) {
        self.failed.inc();
        self.last_succeeded.set(0);
    }
}

impl CertificateMetrics {
    fn register(&self, registry: &mut Registry) {
        let help = "Time when a certificate that the gateway presents expires, in seconds since 1970";
        registry.register("certificate_expiry_timestamp_seconds", help, self.0.clone());
    }

    /// Notes when the certificates in use expire.
    pub(super) fn expire(&self, expiries: Vec<(CertificateLabels, Timestamp)>) {
        self.0.clear();
        for (labels, expiry) in expiries {
            self.0.get_or_create_owned(&labels).set(expiry.as_secs());
        }
    }
}

impl ExceptionMetrics {
    fn register(&self, registry: &mut Registry) {
        let help = "Time when an exception in the configuration ends, in seconds since 1970";
        registry.register("exception_expiry_timestamp_seconds", help, self.0.clone());
    }

    /// Notes when the exceptions in use end.
    pub(super) fn end(&self, ends: impl Iterator<Item = (ExceptionLabels, Timestamp)>) {
        self.0.clear();
        for (labels, end) in ends {
            self.0.get_or_create_owned(&labels).set(end.as_secs());
        }
    }
}
