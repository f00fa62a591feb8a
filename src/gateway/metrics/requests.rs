//! The metrics of requests: how they ended, and how long they took.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// How a request ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ResultLabels {
    /// The route's pattern; empty if there is none.
    pub(crate) route: String,
    /// The credential that the route takes: `bearer`, `session` or `either`; `none` without a route.
    pub(crate) credential: &'static str,
    /// `permitted`, `refused`, `responded` by the gateway itself, or `aborted`.
    pub(crate) result: &'static str,
    /// The grounds or the reason code.
    pub(crate) reason: &'static str,
    /// `app_only`, `app_user`, or `none` if no token was verified.
    pub(crate) class: &'static str,
    /// The class of the response's status, such as `2xx`; `none` if there was no response.
    pub(crate) status: &'static str,
    /// Who made the response: `upstream`, `gateway`, or `none`. It follows from `result`, and costs no series.
    pub(crate) responder: &'static str,
}

/// A request that enforcement would have refused.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct WouldDenyLabels {
    /// The route's pattern.
    pub(crate) route: String,
    /// The reason code of the refusal that it would have been.
    pub(crate) reason: &'static str,
    /// `app_user`.
    pub(crate) class: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

type Durations = Family<RouteLabels, Histogram, fn() -> Histogram>;

/// The metrics of requests.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    answered: Family<ResultLabels, Counter>,
    /// Permitted requests that enforcement would have refused.
    pub(crate) would_deny: Family<WouldDenyLabels, Counter>,
    total: Durations,
    own: Durations,
    upstream: Durations,
}

/// From 100 µs to 10 s.
fn long() -> Histogram {
    Histogram::new([0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

/// From 5 µs to 1 s: the time that the gateway itself adds, waits for keys included.
fn short() -> Histogram {
    Histogram::new([0.000_005, 0.00001, 0.000_025, 0.00005, 0.0001, 0.00025, 0.001, 0.01, 0.1, 1.0])
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            answered: Family::default(),
            would_deny: Family::default(),
            total: Family::new_with_constructor(long),
            own: Family::new_with_constructor(short),
            upstream: Family::new_with_constructor(long),
        }
    }
}

impl RequestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Finished requests, by route, its credential, result, reason, class of caller, class of status and responder";
        registry.register("requests", help, self.answered.clone());
        let help = "Permitted requests that enforcement would have refused";
        registry.register("would_deny", help, self.would_deny.clone());
        let mut durations = |name, help, family: &Durations| {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        };
        durations("request_duration", "Time from a request's head to the end of its response's body", &self.total);
        durations(
            "own_duration",
            "Time that the gateway itself adds to a request, up to the response's head",
            &self.own,
        );
        durations(
            "upstream_duration",
            "Time from sending a request to the head of the upstream's response",
            &self.upstream,
        );
    }

    /// The handles of a route, or of requests that match none.
    pub(crate) fn route(self: &Arc<Self>, pattern: &str, credential: &'static str) -> RouteMetrics {
        let labels = RouteLabels { route: pattern.to_owned() };
        RouteMetrics {
            pattern: pattern.to_owned(),
            credential,
            all: Arc::clone(self),
            permitted: Default::default(),
            refused: Handles::default(),
            would_deny: Handles::default(),
            total: self.total.get_or_create_owned(&labels),
            own: self.own.get_or_create_owned(&labels),
            upstream: self.upstream.get_or_create_owned(&labels),
        }
    }
}

/// Grounds of permits, by place.
const GROUNDS: [&str; 7] = ["mfa", "app_only", "public", "authenticated", "report_only", "exempt", "off"];

/// Classes of callers, by place.
const CLASSES: [&str; 3] = ["app_user", "app_only", "none"];

/// Classes of statuses, by their first digit. The last stands for what no response should have.
const STATUSES: [&str; 7] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// The place of a status among the classes.
fn class_of(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).min(STATUSES.len() - 1)
}

/// The counters of permits on the same grounds for one class of callers, by the class of the status.
type ByStatus = [OnceLock<Counter>; STATUSES.len()];

/// Handles of counters by reason, class and class of status, each resolved on its first use. Finding one takes no lock:
/// a flood of refusals must not queue up here.
#[derive(Debug, Default)]
struct Handles(ArcSwap<Vec<Handle>>);

#[derive(Clone, Debug)]
struct Handle {
    reason: &'static str,
    class: &'static str,
    status: &'static str,
    counter: Counter,
}

impl Handles {
    fn count(
        &self,
        reason: &'static str,
        class: &'static str,
        status: &'static str,
        resolve: impl FnOnce() -> Counter,
    ) {
        let is_it = |handle: &&Handle| handle.reason == reason && handle.class == class && handle.status == status;
        if let Some(handle) = self.0.load().iter().find(is_it) {
            handle.counter.inc();
            return;
        }
        let handle = Handle { reason, class, status, counter: resolve() };
        handle.counter.inc();
        // Two concurrent first uses may both add one: they are handles of the same counter.
        self.0.rcu(|all| all.iter().chain([&handle]).cloned().collect::<Vec<_>>());
    }
}

/// The handles of one route's metrics, resolved when the configuration is built and on their first use.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    pattern: String,
    credential: &'static str,
    all: Arc<RequestMetrics>,
    /// A box for each pair of grounds and class that comes up: a configuration may have thousands of routes.
    permitted: [[OnceLock<Box<ByStatus>>; CLASSES.len()]; GROUNDS.len()],
    refused: Handles,
    would_deny: Handles,
    total: Histogram,
    own: Histogram,
    upstream: Histogram,
}

impl RouteMetrics {
    /// Counts a request that was permitted on these grounds, and its upstream's response.
    pub(crate) fn permitted(&self, grounds: &'static str, class: &'static str, status: StatusCode) {
        let place = |list: &[&str], word: &str| list.iter().position(|one| *one == word);
        let at = class_of(status);
        let counter = || self.counter("permitted", grounds, class, (STATUSES[at], "upstream"));
        let handle = place(&GROUNDS, grounds)
            .and_then(|grounds| self.permitted.get(grounds))
            .and_then(|of_grounds| of_grounds.get(place(&CLASSES, class)?))
            .map(|by_status| &by_status.get_or_init(Box::default)[at]);
        match handle {
            Some(handle) => handle.get_or_init(counter).inc(),
            None => counter().inc(),
        };
    }

    /// Counts a request that was refused for this reason, and the gateway's response.
    pub(crate) fn refused(&self, reason: &'static str, class: &'static str, status: StatusCode) {
        let status = STATUSES[class_of(status)];
        self.refused.count(reason, class, status, || self.counter("refused", reason, class, (status, "gateway")));
    }

    /// Counts a request to which the gateway itself responded.
    pub(crate) fn responded(&self, reason: &'static str, status: StatusCode) {
        self.counter("responded", reason, "none", (STATUSES[class_of(status)], "gateway")).inc();
    }

    /// Counts a request whose connection or stream ended before its response.
    pub(crate) fn aborted(&self) {
        self.counter("aborted", "connection_ended", "none", ("none", "none")).inc();
    }

    /// Counts a request that enforcement would have refused.
    pub(crate) fn would_deny(&self, reason: &'static str, class: &'static str) {
        self.would_deny.count(reason, class, "none", || {
            let labels = WouldDenyLabels { route: self.pattern.clone(), reason, class };
            self.all.would_deny.get_or_create_owned(&labels)
        });
    }

    /// Records the time to the head of the response, part of which is the upstream's.
    pub(crate) fn headed(&self, total: Duration, upstream: Option<Duration>) {
        self.own.observe(total.saturating_sub(upstream.unwrap_or_default()).as_secs_f64());
        if let Some(upstream) = upstream {
            self.upstream.observe(upstream.as_secs_f64());
        }
    }

    /// Records the time to the end of the response.
    pub(crate) fn ended(&self, total: Duration) {
        self.total.observe(total.as_secs_f64());
    }

    fn counter(
        &self,
        result: &'static str,
        reason: &'static str,
        class: &'static str,
        (status, responder): (&'static str, &'static str),
    ) -> Counter {
        let (route, credential) = (self.pattern.clone(), self.credential);
        let labels = ResultLabels { route, credential, result, reason, class, status, responder };
        self.all.answered.get_or_create_owned(&labels)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn lines(metrics: &RequestMetrics) -> Vec<String> {
        let (mut registry, mut text) = (Registry::default(), String::new());
        metrics.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        let mut lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("requests_total{")).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_status_counts_by_its_class_and_by_who_made_it() {
        let metrics = Arc::new(RequestMetrics::default());
        let route = metrics.route("/v1/", "session");
        for status in [200, 204, 500, 101] {
            route.permitted("mfa", "app_user", StatusCode::from_u16(status).unwrap());
        }
        route.permitted("new grounds", "app_user", StatusCode::OK);
        route.refused("upstream_failed", "app_user", StatusCode::BAD_GATEWAY);
        route.refused("upstream_failed", "app_user", StatusCode::BAD_GATEWAY);
        route.aborted();
        let line = |result, reason, class, status, by, count| {
            format!(
                "requests_total{{route=\"/v1/\",credential=\"session\",result=\"{result}\",reason=\"{reason}\",class=\"{class}\",\
                 status=\"{status}\",responder=\"{by}\"}} {count}"
            )
        };
        let mut expected = vec![
            line("permitted", "mfa", "app_user", "1xx", "upstream", 1),
            line("permitted", "mfa", "app_user", "2xx", "upstream", 2),
            line("permitted", "mfa", "app_user", "5xx", "upstream", 1),
            line("permitted", "new grounds", "app_user", "2xx", "upstream", 1),
            line("refused", "upstream_failed", "app_user", "5xx", "gateway", 2),
            line("aborted", "connection_ended", "none", "none", "none", 1),
        ];
        expected.sort();
        assert_eq!(lines(&metrics), expected);
    }

    #[test]
    fn every_status_has_a_class() {
        for status in 100..=999 {
            let class = STATUSES[class_of(StatusCode::from_u16(status).unwrap())];
            let expected = if status < 600 { format!("{}xx", status / 100) } else { "other".to_owned() };
            assert_eq!(class, expected);
        }
    }
}
