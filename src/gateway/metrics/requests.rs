//! The metrics of requests: how they ended, and how long they took.
//!
//! A configuration may have ten thousand routes, and each has its own lines in a scrape. So they are written from what the
//! routes hold, without a lock that a request needs; and only the first routes have durations of their own, which are
//! fifty lines each.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::durations::Durations;
use super::route::RouteMetrics;
use super::series::Series;

/// How many patterns have durations of their own, from the first on.
const OWN_DURATIONS: usize = 1000;

/// The label that the durations of all others have. A pattern begins with a slash.
const OTHERS: &str = "others";

/// The metrics of requests. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestMetrics(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    patterns: Mutex<Patterns>,
    /// The durations of patterns that have none of their own.
    others: Arc<Durations>,
}

/// What there is for each pattern that is in use.
#[derive(Debug, Default)]
struct Patterns {
    series: BTreeMap<Arc<str>, Arc<Series>>,
    durations: BTreeMap<Arc<str>, Arc<Durations>>,
    /// Whether some pattern has no durations of its own.
    beyond: bool,
}

impl RequestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// The handles of routes, in their order, of which each is a pattern and the credential that it takes.
    pub(crate) fn routes<'r>(&self, routes: impl Iterator<Item = (&'r str, &'static str)>) -> Vec<RouteMetrics> {
        let mut patterns = self.patterns();
        let mut own = HashSet::new();
        let handles = routes.map(|(pattern, credential)| {
            let is_own = own.contains(pattern) || own.len() < OWN_DURATIONS && own.insert(pattern);
            self.handles(&mut patterns, pattern, credential, is_own)
        });
        handles.collect()
    }

    /// The handles of requests that match no route.
    pub(crate) fn no_route(&self) -> RouteMetrics {
        self.handles(&mut self.patterns(), "", "none", true)
    }

    fn handles(
        &self,
        patterns: &mut Patterns,
        pattern: &str,
        credential: &'static str,
        has_durations: bool,
    ) -> RouteMetrics {
        let Patterns { series, durations, beyond } = patterns;
        let name: Arc<str> = series.get_key_value(pattern).map_or_else(|| pattern.into(), |(name, _)| Arc::clone(name));
        let series = Arc::clone(series.entry(Arc::clone(&name)).or_default());
        let durations = if has_durations {
            Arc::clone(durations.entry(name).or_default())
        } else {
            *beyond = true;
            Arc::clone(&self.0.others)
        };
        RouteMetrics::new(credential, series, durations)
    }

    /// Forgets the patterns that aren't these. Requests that began with them are counted no more.
    pub(crate) fn keep_only<'r>(&self, patterns: impl Iterator<Item = &'r str>) {
        let (mut kept, mut own) = (HashSet::from([""]), HashSet::from([""]));
        for pattern in patterns {
            if kept.insert(pattern) && own.len() <= OWN_DURATIONS {
                own.insert(pattern);
            }
        }
        let mut all = self.patterns();
        all.series.retain(|pattern, _| kept.contains(&**pattern));
        all.durations.retain(|pattern, _| own.contains(&**pattern));
        all.beyond = kept.len() > own.len();
    }

    fn patterns(&self) -> MutexGuard<'_, Patterns> {
        self.0.patterns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for RequestMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (series, mut durations): (Vec<_>, Vec<_>) = {
            let patterns = self.patterns();
            let durations = patterns.durations.iter().map(|(name, one)| (Arc::clone(name), Arc::clone(one)));
            let others = patterns.beyond.then(|| (OTHERS.into(), Arc::clone(&self.0.others)));
            let series = patterns.series.iter().map(|(name, one)| (Arc::clone(name), Arc::clone(one)));
            (series.collect(), durations.chain(others).collect())
        };
        let help = "Finished requests, by route, its credential, result, reason, class of caller, class of status and responder.";
        let mut written = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for (route, one) in &series {
            one.ended.encode(route, &mut written)?;
        }
        let help = "Permitted requests that enforcement would have refused.";
        let mut written = encoder.encode_descriptor("would_deny", help, None, MetricType::Counter)?;
        for (route, one) in &series {
            one.would_deny.encode(route, &mut written)?;
        }
        let mut histogram = |name, help, encode: fn(&Durations, &mut MetricEncoder<'_>) -> fmt::Result| {
            let mut written = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
            for (route, one) in &mut durations {
                encode(one, &mut written.encode_family(&[("route", &**route)])?)?;
            }
            Ok(())
        };
        let help = "Time from a request's head to the end of its response's body.";
        histogram("request_duration", help, |one, to| one.total.encode(to))?;
        let help = "Time that the gateway itself adds to a request, up to the response's head.";
        histogram("own_duration", help, |one, to| one.own.encode(to))?;
        let help = "Time from sending a request to the head of the upstream's response.";
        histogram("upstream_duration", help, |one, to| one.upstream.encode(to))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn lines(metrics: &RequestMetrics, beginning: &str) -> Vec<String> {
        let (mut registry, mut text) = (Registry::default(), String::new());
        metrics.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        let mut lines: Vec<_> = text.lines().filter(|line| line.starts_with(beginning)).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_status_counts_by_its_class_and_by_who_made_it() {
        let metrics = RequestMetrics::default();
        let route = metrics.routes([("/v1/", "session")].into_iter()).remove(0);
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
        assert_eq!(lines(&metrics, "requests_total{"), expected);
    }

    #[test]
    fn a_duration_counts_up_to_the_first_limit_that_it_does_not_exceed() {
        let metrics = RequestMetrics::default();
        let route = metrics.no_route();
        for micros in [5, 6, 1_000_000, 2_000_000] {
            route.headed(Duration::from_micros(micros), None);
        }
        let all = lines(&metrics, "own_duration_seconds");
        for line in [
            "own_duration_seconds_bucket{le=\"0.000005\",route=\"\"} 1",
            "own_duration_seconds_bucket{le=\"0.00001\",route=\"\"} 2",
            "own_duration_seconds_bucket{le=\"0.1\",route=\"\"} 2",
            "own_duration_seconds_bucket{le=\"1.0\",route=\"\"} 3",
            "own_duration_seconds_bucket{le=\"+Inf\",route=\"\"} 4",
            "own_duration_seconds_count{route=\"\"} 4",
            "own_duration_seconds_sum{route=\"\"} 3.000011",
        ] {
            assert!(all.iter().any(|one| one == line), "{line}\n{all:#?}");
        }
    }

    #[test]
    fn a_scrape_is_bounded_by_the_first_routes_and_forgets_those_that_are_gone() {
        let metrics = RequestMetrics::default();
        let named = |from: usize, to: usize| (from..to).map(|at| format!("/{at}/")).collect::<Vec<_>>();
        let with = |names: &[String]| metrics.routes(names.iter().map(|name| (name.as_str(), "bearer")));
        let counts = || lines(&metrics, "request_duration_seconds_count");
        let (few, many) = (named(0, 10), named(0, 1500));
        with(&few);
        assert_eq!(counts().len(), 10);
        let handles = with(&many);
        handles[999].ended(Duration::from_secs(1));
        handles[1000].ended(Duration::from_secs(1));
        handles[1499].ended(Duration::from_secs(1));
        handles[1499].aborted();
        assert_eq!(counts().len(), 1001);
        assert!(counts().contains(&"request_duration_seconds_count{route=\"/999/\"} 1".to_owned()));
        assert!(counts().contains(&"request_duration_seconds_count{route=\"others\"} 2".to_owned()));
        assert_eq!(lines(&metrics, "requests_total{route=\"/1499/\"").len(), 1);
        // Other routes than before: the first thousand of them have their own.
        let others: Vec<_> = named(1000, 2000).into_iter().chain(named(0, 500)).collect();
        let handles = with(&others);
        metrics.keep_only(others.iter().map(String::as_str));
        handles[0].ended(Duration::from_secs(1));
        assert_eq!(counts().len(), 1001);
        let of_others = || lines(&metrics, "request_duration_seconds_count{route=\"others\"")[0].clone();
        assert!(of_others().ends_with(" 2"));
        // One that had its own before, and is beyond the first thousand now.
        handles[1000].ended(Duration::from_secs(1));
        assert!(of_others().ends_with(" 3"));
        assert!(counts().contains(&"request_duration_seconds_count{route=\"/1000/\"} 1".to_owned()));
        assert_eq!(lines(&metrics, "requests_total{route=\"/1499/\"").len(), 1, "a route that stays goes on");
        metrics.keep_only(few.iter().map(String::as_str));
        assert_eq!(lines(&metrics, "requests_total").len(), 0);
    }
}
