//! The backends: choosing an endpoint, the connections to it, and one request over them.
//!
//! An endpoint is chosen as the less loaded of two at random; one that fails is set aside for a while. A request moves
//! to another endpoint, or to a fresh connection, only while nothing of it can have reached a backend; a request
//! without a body that is safe to repeat gets one second chance when a kept connection turns out to be closed. What an
//! upstream sends without a request never becomes a response: see `pool` and `gateway::answer`.

mod body;
mod caller;
mod connect;
mod endpoint;
mod error;
mod metrics;
mod pool;
mod resolve;
mod send;
mod settings;
mod tls;

use std::sync::Arc;

pub use settings::{Protocol, Settings};
pub use tls::Tls;

pub(crate) use caller::Caller;
pub(crate) use connect::SystemRoots;
pub(crate) use error::UpstreamError;
pub(crate) use metrics::{EndpointLabels, UpstreamMetrics};

use connect::Connector;
use endpoint::Endpoint;
use mfa_gateway_core::random::Random;

/// An upstream with its endpoints.
#[derive(Debug)]
pub(crate) struct Upstream {
    settings: Arc<Settings>,
    endpoints: Vec<Arc<Endpoint>>,
    random: Random,
}

/// An endpoint as it is now.
#[derive(Debug)]
pub(crate) struct EndpointState {
    /// Its host and port.
    pub(crate) name: String,
    /// The requests under way there.
    pub(crate) in_flight: i64,
    /// Whether it is set aside, after failures.
    pub(crate) is_set_aside: bool,
}

impl Upstream {
    /// A backend that isn't connected to yet.
    ///
    /// # Errors
    ///
    /// If an endpoint needs TLS and the system's certificate roots can't be read.
    pub(crate) fn new(
        settings: Settings,
        random: Random,
        metrics: &UpstreamMetrics,
        roots: &SystemRoots,
    ) -> Result<Self, UpstreamError> {
        let connector = Connector::new(&settings, roots)?;
        let settings = Arc::new(settings);
        let endpoints = settings
            .endpoints
            .iter()
            .map(|uri| {
                let handles = metrics.endpoint(labels(&settings, uri));
                Arc::new(Endpoint::new(uri.clone(), Arc::clone(&settings), connector.clone(), handles))
            })
            .collect();
        Ok(Self { settings, endpoints, random })
    }

    /// How it is spoken to.
    #[must_use]
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Records in the metrics which endpoints are set aside now.
    pub(crate) fn observe(&self) {
        for endpoint in &self.endpoints {
            endpoint.observe();
        }
    }

    /// Its endpoints as they are now.
    pub(crate) fn endpoints(&self) -> Vec<EndpointState> {
        let state = |endpoint: &Arc<Endpoint>| EndpointState {
            name: endpoint.name(),
            in_flight: endpoint.in_flight(),
            is_set_aside: endpoint.is_set_aside(),
        };
        self.endpoints.iter().map(state).collect()
    }

    /// Connects to every endpoint once, and reports each result.
    pub(crate) async fn probe(&self) -> Vec<(String, Result<(), UpstreamError>)> {
        let mut results = Vec::new();
        for endpoint in &self.endpoints {
            results.push((endpoint.uri().to_string(), endpoint.fresh_lease().await.map(drop)));
        }
        results
    }

    /// The less loaded of two endpoints at random, of those that aren't set aside and weren't tried.
    fn choose(&self, tried: &[usize]) -> Option<usize> {
        let open = |at: &usize| !tried.contains(at);
        if let [_] = self.endpoints[..] {
            return Some(0).filter(open);
        }
        let healthy: Vec<usize> =
            (0..self.endpoints.len()).filter(open).filter(|&at| !self.endpoints[at].is_set_aside()).collect();
        // With all of them set aside, trying one is better than refusing.
        let candidates = if healthy.is_empty() { (0..self.endpoints.len()).filter(open).collect() } else { healthy };
        let pick = || candidates.get(self.random.below(candidates.len())).copied();
        let (one, other) = (pick()?, pick()?);
        let load = |at: usize| self.endpoints[at].in_flight();
        Some(if load(other) < load(one) { other } else { one })
    }
}

/// How metrics call an endpoint.
pub(crate) fn labels(settings: &Settings, endpoint: &http::Uri) -> EndpointLabels {
    let endpoint = endpoint.authority().map_or_else(String::new, ToString::to_string);
    EndpointLabels { upstream: settings.name.clone(), endpoint }
}
