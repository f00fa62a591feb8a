//! The handles of one route's metrics.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::metrics::counter::Counter;

use super::durations::Durations;
use super::series::{Ended, Series, WouldDeny};

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

/// The handles of one route's metrics, of which those of permits are found by place.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    credential: &'static str,
    series: Arc<Series>,
    durations: Arc<Durations>,
    /// A box for each pair of grounds and class that comes up: a configuration may have thousands of routes.
    permitted: [[OnceLock<Box<ByStatus>>; CLASSES.len()]; GROUNDS.len()],
}

impl RouteMetrics {
    pub(super) fn new(credential: &'static str, series: Arc<Series>, durations: Arc<Durations>) -> Self {
        Self { credential, series, durations, permitted: Default::default() }
    }

    /// Counts a request that was permitted on these grounds, and its upstream's response.
    pub(crate) fn permitted(&self, grounds: &'static str, class: &'static str, status: StatusCode) {
        let place = |list: &[&str], word: &str| list.iter().position(|one| *one == word);
        let at = class_of(status);
        let ended = self.result("permitted", grounds, class, (STATUSES[at], "upstream"));
        let handle = place(&GROUNDS, grounds)
            .and_then(|grounds| self.permitted.get(grounds))
            .and_then(|of_grounds| of_grounds.get(place(&CLASSES, class)?))
            .map(|by_status| &by_status.get_or_init(Box::default)[at]);
        match handle {
            Some(handle) => _ = handle.get_or_init(|| self.series.ended.get(ended)).inc(),
            None => self.series.ended.inc(ended),
        }
    }

    /// Counts a request that was refused for this reason, and the gateway's response.
    pub(crate) fn refused(&self, reason: &'static str, class: &'static str, status: StatusCode) {
        self.series.ended.inc(self.result("refused", reason, class, (STATUSES[class_of(status)], "gateway")));
    }

    /// Counts a request to which the gateway itself responded.
    pub(crate) fn responded(&self, reason: &'static str, status: StatusCode) {
        self.series.ended.inc(self.result("responded", reason, "none", (STATUSES[class_of(status)], "gateway")));
    }

    /// Counts a request whose connection or stream ended before its response.
    pub(crate) fn aborted(&self) {
        self.series.ended.inc(self.result("aborted", "connection_ended", "none", ("none", "none")));
    }

    /// Counts a request that enforcement would have refused.
    pub(crate) fn would_deny(&self, reason: &'static str, class: &'static str) {
        self.series.would_deny.inc(WouldDeny { reason, class });
    }

    /// Records the time to the head of the response, part of which is the upstream's.
    pub(crate) fn headed(&self, total: Duration, upstream: Option<Duration>) {
        self.durations.own.observe(total.saturating_sub(upstream.unwrap_or_default()));
        if let Some(upstream) = upstream {
            self.durations.upstream.observe(upstream);
        }
    }

    /// Records the time to the end of the response.
    pub(crate) fn ended(&self, total: Duration) {
        self.durations.total.observe(total);
    }

    fn result(
        &self,
        result: &'static str,
        reason: &'static str,
        class: &'static str,
        (status, responder): (&'static str, &'static str),
    ) -> Ended {
        Ended { credential: self.credential, result, reason, class, status, responder }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        for status in 100..=999 {
            let class = STATUSES[class_of(StatusCode::from_u16(status).unwrap())];
            let expected = if status < 600 { format!("{}xx", status / 100) } else { "other".to_owned() };
            assert_eq!(class, expected);
        }
    }
}
