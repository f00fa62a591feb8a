//! Probes without a host.

use http::header::HOST;
use http::{HeaderValue, Version};

use crate::gateway::Arrived;

/// The paths of health, which everyone may have.
const HEALTH: [&str; 4] = ["/livez", "/ping", "/readyz", "/ready"];

/// Gives a probe over HTTP/1.0, which knows no `Host`, that of this machine: load balancers send such probes. A browser
/// never does, so no page gets anything by it.
pub(super) fn with_host(mut arrived: Arrived) -> Arrived {
    let request = &mut arrived.request;
    let is_probe = request.version() == Version::HTTP_10 && HEALTH.contains(&request.uri().path());
    if is_probe && !request.headers().contains_key(HOST) {
        request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    }
    arrived
}
