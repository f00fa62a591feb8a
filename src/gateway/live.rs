//! The live configuration: everything a request needs, built once per load and swapped as a whole.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Asked, Delegations, Evidence, Waivers};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::Unverified;
use mfa_gateway_layer::{Authenticator, Senders};

use super::metrics::{DelegationMetrics, LimitMetrics, RouteMetrics};
use super::{Assertions, Door, RateLimiter, Refusals, Resource};
use crate::consent::{Callers, Keepers};
use crate::events::Receiver;
use crate::introspection::Introspector;
use crate::journal::Journal;
use crate::report::{Counter, Reader};
use crate::routing::{Route, RouteTable};
use crate::telemetry::Tracer;
use crate::upstream::Upstream;
use crate::vendors::VendorSettings;

/// The parts of the configuration that a request needs, by reader.
#[derive(Debug)]
pub struct Live {
    pub(crate) edge: Edge,
    pub(crate) judge: Judge,
    /// How refusals are worded.
    pub(crate) refusals: Refusals,
    /// The protected resources whose metadata is served.
    pub(crate) resources: Vec<Resource>,
    /// The ways to sign in; routes refer to them by place.
    pub(crate) doors: Vec<Arc<Door>>,
    /// The keepers of consents.
    pub(crate) keepers: Arc<Keepers>,
    /// The programs that may use consents.
    pub(crate) consent_callers: Arc<Callers>,
    /// The control panel vendors.
    pub(crate) vendors: Arc<[Arc<VendorSettings>]>,
    /// Receives security events, if somebody may send them.
    pub(crate) events: Option<Arc<Receiver>>,
    /// The backends; routes refer to them by place.
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    /// How often callers may call; routes refer to them by place.
    pub(crate) rate_limiters: Vec<Arc<RateLimiter>>,
    /// Reads the status report, for routes that serve it.
    pub(crate) report: Option<Reader>,
    pub(crate) metrics: LiveMetrics,
    pub(crate) journal: Journal,
    /// Counts decisions, if there is a report.
    pub(crate) counter: Option<Arc<Counter>>,
    /// Where traces go, if requests are traced.
    pub(crate) tracer: Option<Arc<Tracer>>,
    /// The generation: 1 at the start, one more per reload.
    pub(crate) generation: u64,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
}

/// The limits on a request before its route is known, and those on its body; and what it continues with.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The networks of proxies whose forwarding fields are trusted.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How long a request target may be.
    pub(crate) url_bytes: usize,
    /// How many header fields there may be.
    pub(crate) headers: usize,
    /// How long a body may be, where the route doesn't say.
    pub(crate) body_bytes: Option<u64>,
    /// How long a body may make no progress.
    pub(crate) body_timeout: Duration,
    /// The fields that hold claims of tokens, and that no client may send.
    pub(crate) claim_fields: Vec<HeaderName>,
    /// What signs assertions, if anybody gets them.
    pub(crate) assertions: Option<Arc<Assertions>>,
}

/// The parts that judge a request.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) routes: RouteTable,
    pub(crate) authenticator: Authenticator,
    /// Looks at what requests show of their senders.
    pub(crate) senders: Senders,
    /// Asks about tokens that only their issuer can read, if there are some.
    pub(crate) introspector: Option<Box<Introspector>>,
    pub(crate) waivers: Waivers,
    pub(crate) delegations: Arc<Delegations>,
}

impl Judge {
    /// What a token proves that isn't remembered: its issuer is asked where only the issuer can read it.
    pub(crate) async fn verify(&self, token: &str) -> Evidence {
        match self.introspector.as_ref().filter(|_| Unverified::is_opaque(token)) {
            Some(introspector) => introspector.evidence(token, &self.authenticator).await,
            None => self.authenticator.verify(token).await,
        }
    }

    /// Whether the issuer is asked about a token.
    pub(crate) fn asks_about(&self, token: &str) -> bool {
        self.introspector.is_some() && Unverified::is_opaque(token) && self.authenticator.admit(token).is_ok()
    }

    /// What is asked of the caller of this path, which is the route's.
    pub(crate) fn asked<'a>(&'a self, route: &'a Route, path: &'a str) -> Asked<'a> {
        Asked::from(&route.rule).about(route.customer(path)).among(&self.delegations)
    }
}

/// The handles of metrics, resolved for this configuration.
#[derive(Debug)]
pub(crate) struct LiveMetrics {
    /// The metrics of each route, by its place.
    pub(crate) routes: Vec<RouteMetrics>,
    /// Those of requests that match none.
    pub(crate) no_route: RouteMetrics,
    pub(crate) limits: LimitMetrics,
    pub(crate) delegations: DelegationMetrics,
}

impl LiveMetrics {
    /// The handles of a route of this configuration, or of requests that match none.
    pub(super) fn of(&self, route: Option<&Route>) -> &RouteMetrics {
        route.and_then(|route| self.routes.get(route.id.0)).unwrap_or(&self.no_route)
    }
}

impl Live {
    /// Updates the metrics whose values must be read on demand.
    pub(crate) fn observe(&self) {
        for upstream in &self.upstreams {
            upstream.observe();
        }
        self.judge.authenticator.observe();
        self.metrics.delegations.observe(&self.judge.delegations, self.clock.now());
    }
}
