//! What is counted of vendors.

use std::sync::Arc;

use mfa_gateway_store::VendorCounts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::settings::VendorSettings;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    vendor: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartnerLabels {
    vendor: String,
    partner: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    vendor: String,
    partner: String,
    state: &'static str,
}

/// The metrics of vendors.
#[derive(Clone, Debug, Default)]
pub struct VendorMetrics {
    requests: Family<RequestLabels, Counter>,
    customers: Family<StateLabels, Gauge>,
    blocked: Family<PartnerLabels, Gauge>,
    progress: Family<PartnerLabels, Gauge>,
}

impl VendorMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("vendor_requests", "Requests to a vendor's partner API, by result", self.requests.clone());
        let help = "Customers of a vendor's partner, by the state of their consent to the vendor's application";
        registry.register("vendor_customers", help, self.customers.clone());
        let help = "1 while nothing goes on for a partner's customers, or their list could not be read to its end";
        registry.register("vendor_blocked", help, self.blocked.clone());
        let help = "When a partner's customers last made progress, in seconds since 1970";
        registry.register("vendor_progress_timestamp_seconds", help, self.progress.clone());
    }

    /// Counts a request.
    pub(super) fn requested(&self, vendor: &str, result: &'static str) {
        self.requests.get_or_create_owned(&RequestLabels { vendor: vendor.to_owned(), result }).inc();
    }

    /// Notes how far a partner is.
    pub(super) fn note(&self, (vendor, partner): (&str, &str), counts: &VendorCounts, blocked: bool, progress: i64) {
        let labels = PartnerLabels { vendor: vendor.to_owned(), partner: partner.to_owned() };
        self.blocked.get_or_create_owned(&labels).set(i64::from(blocked));
        self.progress.get_or_create_owned(&labels).set(progress / 1000);
        let PartnerLabels { vendor, partner } = labels;
        for (state, count) in [
            ("due", counts.due),
            ("consented", counts.consented),
            ("removed", counts.removed),
            ("failed", counts.failed),
        ] {
            let labels = StateLabels { vendor: vendor.clone(), partner: partner.clone(), state };
            self.customers.get_or_create_owned(&labels).set(count);
        }
    }

    /// Begins anew with the partners of these vendors, and without any that a configuration no longer names.
    pub(crate) fn begin(&self, vendors: &[Arc<VendorSettings>]) {
        self.customers.clear();
        self.blocked.clear();
        self.progress.clear();
        for vendor in vendors {
            for partner in &vendor.partners {
                self.note((&vendor.name, &partner.name), &VendorCounts::default(), false, 0);
            }
        }
    }
}
