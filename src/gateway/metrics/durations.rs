//! How long requests took: three histograms that a request adds to without a lock.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

/// From 100 µs to 10 s, in nanoseconds.
const LONG: [u64; 15] = [
    100_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// From 5 µs to 1 s, in nanoseconds: the time that the gateway itself adds, waits for keys included.
const SHORT: [u64; 10] =
    [5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// The durations of requests to one route, or to several.
#[derive(Debug)]
pub(super) struct Durations {
    /// From a request's head to the end of its response's body.
    pub(super) total: Histogram<15>,
    /// What the gateway itself adds, up to the response's head.
    pub(super) own: Histogram<10>,
    /// From sending a request to the head of the upstream's response.
    pub(super) upstream: Histogram<15>,
}

impl Default for Durations {
    fn default() -> Self {
        Self { total: Histogram::new(&LONG), own: Histogram::new(&SHORT), upstream: Histogram::new(&LONG) }
    }
}

/// Counts of durations by the first limit that each doesn't exceed. The library's own has a lock, which a scrape would hold.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    /// In nanoseconds, ascending.
    limits: &'static [u64; N],
    counts: [AtomicU64; N],
    /// Those above the last limit.
    above: AtomicU64,
    /// In nanoseconds: enough for 584 years.
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(limits: &'static [u64; N]) -> Self {
        Self { limits, counts: std::array::from_fn(|_| AtomicU64::new(0)), above: AtomicU64::new(0), sum: 0.into() }
    }

    /// Adds a duration.
    pub(super) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let place = self.limits.iter().position(|limit| nanos <= *limit);
        place.and_then(|at| self.counts.get(at)).unwrap_or(&self.above).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Writes it. What is added meanwhile may be in a part of the lines.
    pub(super) fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        let seconds = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let limited = self.limits.iter().zip(&self.counts).map(|(limit, count)| (seconds(*limit), read(count)));
        let buckets: Vec<(f64, u64)> = limited.chain([(f64::INFINITY, read(&self.above))]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(read(&self.sum)), count, &buckets, None)
    }
}
