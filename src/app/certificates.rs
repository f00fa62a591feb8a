//! When the gateway's own certificates expire.

use std::path::PathBuf;
use std::time::Duration;

use super::Ambient;
use super::metrics::CertificateLabels;
use crate::config::Config;
use crate::server::Tls;
use crate::upstream;
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
    let labels = |of, name: &str, (file, expiry): &(PathBuf, Timestamp)| {
        (CertificateLabels { of, name: name.to_owned(), file: file.display().to_string() }, *expiry)
    };
    let listeners = config.server.listeners.iter().map(|one| ("listener", one.address.to_string(), one.tls.as_ref()));
    let admin = config.admin.iter().map(|one| ("admin", one.address.to_string(), one.tls.as_ref()));
    let shown = listeners.chain(admin).flat_map(move |(of, name, tls)| {
        tls.map(Tls::expiries).unwrap_or_default().iter().map(move |one| labels(of, &name, one)).collect::<Vec<_>>()
    });
    shown.chain(config.upstreams.iter().flat_map(move |one| {
        let expiries = one.tls.as_ref().map(upstream::Tls::expiries).unwrap_or_default();
        expiries.iter().map(move |expiry| labels("upstream", &one.name, expiry))
    }))
}
