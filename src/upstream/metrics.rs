//! The metrics of upstreams and their endpoints.

use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// An endpoint, as the configuration names it.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct EndpointLabels {
    /// The upstream's name.
    pub(crate) upstream: String,
    /// The endpoint's host and port.
    pub(crate) endpoint: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailureLabels {
    upstream: String,
    endpoint: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResponseLabels {
    upstream: String,
    endpoint: String,
    status: &'static str,
}

/// How an endpoint failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointFailure {
    /// There was no connection.
    Connect,
    /// There was no response in time.
    Timeout,
    /// The exchange broke off, or the response was not HTTP.
    Exchange,
    /// It responded with 502, 503 or 504.
    BadAnswer,
}

/// Their names, by place.
const FAILURES: [&str; 4] = ["connect", "timeout", "exchange", "bad_answer"];

/// Classes of statuses, by their first digit less one.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The metrics of all upstreams.
#[derive(Debug, Default)]
pub(crate) struct UpstreamMetrics {
    in_flight: Family<EndpointLabels, Gauge>,
    set_aside: Family<EndpointLabels, Gauge>,
    failures: Family<FailureLabels, Counter>,
    responses: Family<ResponseLabels, Counter>,
    known: Mutex<Vec<EndpointLabels>>,
}

/// The handles of one endpoint's metrics, resolved once.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointMetrics {
    /// Requests under way. The choice among endpoints goes by it as well.
    pub(crate) in_flight: Gauge,
    /// 1 while the endpoint is set aside.
    pub(crate) set_aside: Gauge,
    failures: [Counter; FAILURES.len()],
    responses: [Counter; STATUSES.len()],
}

impl EndpointMetrics {
    /// Counts a failure.
    pub(crate) fn failed(&self, how: EndpointFailure) {
        if let Some(counter) = self.failures.get(how as usize) {
            counter.inc();
        }
    }

    /// Counts a response.
    pub(crate) fn responded(&self, status: StatusCode) {
        if let Some(counter) = usize::from(status.as_u16() / 100).checked_sub(1).and_then(|at| self.responses.get(at)) {
            counter.inc();
        }
    }
}

impl UpstreamMetrics {
    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Requests in flight at an endpoint";
        registry.register("upstream_in_flight", help, self.in_flight.clone());
        let help = "1 if an endpoint is set aside after failures, else 0";
        registry.register("upstream_set_aside", help, self.set_aside.clone());
        registry.register("upstream_failures", "Failures of an endpoint, by kind", self.failures.clone());
        let help = "Responses of an endpoint, by the class of their status";
        registry.register("upstream_responses", help, self.responses.clone());
    }

    /// The handles of an endpoint.
    pub(crate) fn endpoint(&self, labels: EndpointLabels) -> EndpointMetrics {
        let failure = |kind| self.failures.get_or_create_owned(&failure_labels(&labels, kind));
        let response = |status| self.responses.get_or_create_owned(&response_labels(&labels, status));
        let metrics = EndpointMetrics {
            in_flight: self.in_flight.get_or_create_owned(&labels),
            set_aside: self.set_aside.get_or_create_owned(&labels),
            failures: FAILURES.map(failure),
            responses: STATUSES.map(response),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&labels) {
            known.push(labels);
        }
        metrics
    }

    /// Forgets what the configuration doesn't name any more.
    pub(crate) fn keep_only(&self, named: impl Fn(&EndpointLabels) -> bool) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|labels| {
            let keep = named(labels);
            if !keep {
                self.in_flight.remove(labels);
                self.set_aside.remove(labels);
                for kind in FAILURES {
                    self.failures.remove(&failure_labels(labels, kind));
                }
                for status in STATUSES {
                    self.responses.remove(&response_labels(labels, status));
                }
            }
            keep
        });
    }
}

fn response_labels(labels: &EndpointLabels, status: &'static str) -> ResponseLabels {
    ResponseLabels { upstream: labels.upstream.clone(), endpoint: labels.endpoint.clone(), status }
}

fn failure_labels(labels: &EndpointLabels, kind: &'static str) -> FailureLabels {
    FailureLabels { upstream: labels.upstream.clone(), endpoint: labels.endpoint.clone(), kind }
}
