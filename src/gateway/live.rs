//! The live configuration: everything a request needs, made once per load and swapped as a whole.

use std::sync::Arc;

use super::RateLimiter;
use crate::config::Refusals;
use crate::journal::Journal;
use crate::routing::RouteTable;
use crate::telemetry::{LimitMetrics, RouteMetrics, Tracer};
use crate::upstream::Upstream;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::Waivers;
use mfa_gateway_core::random::Random;
use mfa_gateway_layer::Authenticator;

/// What a request needs of the configuration.
#[derive(Debug)]
pub struct Live {
    pub(crate) routes: RouteTable,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) rate_limiters: Vec<Arc<RateLimiter>>,
    pub(crate) authenticator: Authenticator,
    pub(crate) waivers: Waivers,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) refusals: Refusals,
    pub(crate) url_bytes: usize,
    pub(crate) max_headers: usize,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) body_timeout: std::time::Duration,
    pub(crate) journal: Journal,
    /// The metrics of each route, by its place.
    pub(crate) route_metrics: Vec<RouteMetrics>,
    pub(crate) no_route_metrics: RouteMetrics,
    pub(crate) limit_metrics: LimitMetrics,
    /// Where traces go, if requests are traced.
    pub(crate) tracer: Option<Arc<Tracer>>,
    /// Which configuration this is: 1 for the first, one more for each that took its place.
    pub(crate) generation: u64,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
}

impl Live {
    /// Puts into the metrics what is only known by looking.
    pub(crate) fn observe(&self) {
        for upstream in &self.upstreams {
            upstream.observe();
        }
        self.authenticator.observe();
    }
}
