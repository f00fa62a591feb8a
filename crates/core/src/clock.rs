//! Wall-clock time, injected: token times are compared with a [`Clock`] that tests can hold still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since the Unix epoch.
///
/// Arithmetic saturates: a token whose `exp` lies beyond every calendar is merely very late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Reads RFC 3339 in UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let since = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(millis(since)))
    }

    /// As RFC 3339 in UTC with milliseconds. The calendar's first and last moment stand for those beyond it.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let millis = u64::try_from(self.0).unwrap_or(0).min(LAST_MILLISECOND);
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)).to_string()
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment, `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This moment, `by` earlier.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// 9999-12-31T23:59:59.999Z, where the calendar of RFC 3339 ends.
const LAST_MILLISECOND: u64 = 253_402_300_799_999;

/// The system's clock now, as RFC 3339 in UTC with microseconds: for the log, whose times nothing is decided by.
#[expect(clippy::disallowed_methods, reason = "the one door to the system's clock")]
#[must_use]
pub fn now_rfc3339() -> String {
    let last = UNIX_EPOCH + Duration::from_millis(LAST_MILLISECOND);
    humantime::format_rfc3339_micros(SystemTime::now().clamp(UNIX_EPOCH, last)).to_string()
}

impl std::fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC, or the bare number of seconds where the calendar ends.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = u64::try_from(self.0)
            .ok()
            .filter(|&millis| millis <= LAST_MILLISECOND)
            .map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
        match time {
            Some(time) => humantime::format_rfc3339_seconds(time).fmt(f),
            None => self.as_secs().fmt(f),
        }
    }
}

/// Tells the time: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one door to the system's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(millis(since))
            }
            Source::Manual(now) => Timestamp(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's clock is unaffected.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(millis(by), Ordering::SeqCst);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_secs(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_secs(1).since(end), Duration::ZERO);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_secs(10));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), Timestamp::from_millis(11_500));
    }

    #[test]
    fn displays_and_reads_rfc_3339() {
        let time = Timestamp::from_secs(1_549_088_552);
        assert_eq!(time.to_string(), "2019-02-02T06:22:32Z");
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        assert_eq!(Timestamp::parse("2019-02-02T06:22:32+01:00"), None);
    }

    #[test]
    fn a_time_of_a_log_is_rfc_3339_even_beyond_its_calendar() {
        let of = |millis| Timestamp::from_millis(millis).to_rfc3339();
        assert_eq!(of(1_549_088_552_042), "2019-02-02T06:22:32.042Z");
        assert_eq!(of(-1), "1970-01-01T00:00:00.000Z");
        let last = "9999-12-31T23:59:59.999Z";
        assert_eq!((of(253_402_300_799_999).as_str(), of(253_402_300_800_000).as_str()), (last, last));
        assert_eq!(of(i64::MAX), last);
        assert_eq!(now_rfc3339().len(), "2019-02-02T06:22:32.000042Z".len());
    }
}
