//! The counters of the requests to one pattern.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;

/// What the requests to one pattern came to.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// How they ended.
    pub(super) ended: Counters<Ended>,
    /// Those that were permitted, and that enforcement would have refused.
    pub(super) would_deny: Counters<WouldDeny>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// The grounds or the reason code.
    pub(super) reason: &'static str,
    /// `app_only`, `app_user`, or `none` if no token was verified.
    pub(super) class: &'static str,
    /// The class of the response's status, such as `2xx`; `none` if there was no response.
    pub(super) status: &'static str,
    /// `permitted`, `refused`, `responded` by the gateway itself, or `aborted`.
    pub(super) result: &'static str,
    /// Who made the response: `upstream`, `gateway`, or `none`. It follows from `result`, and costs no series.
    pub(super) responder: &'static str,
    /// The credential that the route takes: `bearer`, `session` or `either`; `none` without a route.
    pub(super) credential: &'static str,
}

/// Why enforcement would have refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WouldDeny {
    /// The reason code of the refusal that it would have been.
    pub(super) reason: &'static str,
    /// `app_user`.
    pub(super) class: &'static str,
}

/// Labels that stand beside the route's.
pub(super) trait Labels: Copy + PartialEq {
    /// All of them.
    fn of<'l>(&'l self, route: &'l str) -> impl EncodeLabelSet;
}

impl Labels for Ended {
    fn of<'l>(&'l self, route: &'l str) -> impl EncodeLabelSet {
        let Self { reason, class, status, result, responder, credential } = *self;
        [
            ("route", route),
            ("credential", credential),
            ("result", result),
            ("reason", reason),
            ("class", class),
            ("status", status),
            ("responder", responder),
        ]
    }
}

impl Labels for WouldDeny {
    fn of<'l>(&'l self, route: &'l str) -> impl EncodeLabelSet {
        [("route", route), ("reason", self.reason), ("class", self.class)]
    }
}

/// Counters, each of which begins with its first use. Finding one takes no lock: neither a flood of refusals nor a scrape
/// makes others wait.
#[derive(Debug)]
pub(super) struct Counters<L>(ArcSwap<Vec<(L, Counter)>>);

impl<L> Default for Counters<L> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<L: Labels> Counters<L> {
    /// Counts one.
    pub(super) fn inc(&self, labels: L) {
        match find(&self.0.load(), labels) {
            Some(counter) => counter.inc(),
            None => self.get(labels).inc(),
        };
    }

    /// The counter with these labels.
    pub(super) fn get(&self, labels: L) -> Counter {
        if let Some(counter) = find(&self.0.load(), labels) {
            return counter.clone();
        }
        let new = Counter::default();
        // Of two first uses at once, the second finds the counter of the first.
        self.0.rcu(|all| match find(all, labels) {
            Some(_) => Arc::clone(all),
            None => Arc::new(all.iter().cloned().chain([(labels, new.clone())]).collect()),
        });
        find(&self.0.load(), labels).cloned().unwrap_or(new)
    }

    /// Writes them.
    pub(super) fn encode(&self, route: &str, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        for (labels, counter) in self.0.load_full().iter() {
            counter.encode(encoder.encode_family(&labels.of(route))?)?;
        }
        Ok(())
    }
}

fn find<L: Copy + PartialEq>(all: &[(L, Counter)], labels: L) -> Option<&Counter> {
    all.iter().find(|(one, _)| *one == labels).map(|(_, counter)| counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_is_lost_when_many_begin_at_once() {
        let counters = Counters::<WouldDeny>::default();
        let reasons = ["a", "b", "c", "d", "e", "f", "g", "h"];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for reason in reasons.repeat(100) {
                        counters.inc(WouldDeny { reason, class: "app_user" });
                    }
                });
            }
        });
        let all: Vec<u64> = counters.0.load().iter().map(|(_, counter)| counter.get()).collect();
        assert_eq!(all, [400; 8]);
    }
}
