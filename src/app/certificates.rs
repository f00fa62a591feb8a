//! When the gateway's own certificates expire.

use std::time::Duration;

use super::Ambient;
use super::metrics::CertificateLabels;
use crate::config::{Certificate, Config};
use mfa_gateway_core::clock::Timestamp;

/// How long before a certificate expires the gateway warns.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// Notes in the metrics when each certificate expires, and warns of those that soon will.
pub(super) fn tell(config: &Config, ambient: &Ambient) {
    let now = ambient.clock.now();
    let expiries: Vec<_> = expiries(config).collect();
    for (CertificateLabels { of, name, file }, expiry) in &expiries {
        if expiry.minus(SOON) <= now {
            let expired = *expiry <= now;
            let days = if expired { now.since(*expiry) } else { expiry.since(now) }.as_secs() / 86_400;
            let what = if expired { "a certificate has expired" } else { "a certificate expires soon" };
            tracing::warn!(of, name, file, days, "{what}");
        }
    }
    ambient.metrics.certificates.expire(expiries);
}

fn expiries(config: &Config) -> impl Iterator<Item = (CertificateLabels, Timestamp)> {
    let labelled = |Certificate { of, name, file, expires }| (CertificateLabels { of, name, file }, expires);
    config.certificates().into_iter().map(labelled)
}
