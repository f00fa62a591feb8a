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

/// A moment as RFC 3339 has it, in UTC: 24 bytes with milliseconds, 27 with microseconds.
///
/// Made without the machinery of formatting: every line of a log has one. The calendar's first and last moment stand for
/// those beyond it.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339<const N: usize>([u8; N]);

impl Rfc3339<24> {
    /// With milliseconds.
    #[must_use]
    pub fn of_millis(at: Timestamp) -> Self {
        Self::new(u64::try_from(at.0).unwrap_or(0), 1000)
    }
}

impl Rfc3339<27> {
    /// The system's clock now, with microseconds: for the log, whose times nothing is decided by.
    #[expect(clippy::disallowed_methods, reason = "the one door to the system's clock")]
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::new(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), 1_000_000)
    }
}

impl<const N: usize> Rfc3339<N> {
    fn new(since: u64, per_second: u64) -> Self {
        let (secs, fraction) = (since / per_second, since % per_second);
        let (secs, fraction) = if secs > LAST_SECOND { (LAST_SECOND, per_second - 1) } else { (secs, fraction) };
        let (year, month, day) = date(secs / 86_400);
        let mut text = [b'0'; N];
        let mut rest = text.as_mut_slice();
        let clock = secs % 86_400;
        let parts = [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b'T'), (clock / 3600, 2, b':')];
        let parts =
            parts.into_iter().chain([(clock / 60 % 60, 2, b':'), (clock % 60, 2, b'.'), (fraction, N - 21, b'Z')]);
        for (number, digits, behind) in parts {
            rest = put(rest, number, digits, behind);
        }
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits and marks are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// 9999-12-31T23:59:59, where the calendar of RFC 3339 ends.
const LAST_SECOND: u64 = 253_402_300_799;

/// Writes a number of so many digits and what stands behind it; returns what is left.
fn put(text: &mut [u8], mut number: u64, digits: usize, behind: u8) -> &mut [u8] {
    let Some((own, rest)) = text.split_at_mut_checked(digits + 1) else { return &mut [] };
    if let Some((last, figures)) = own.split_last_mut() {
        *last = behind;
        for figure in figures.iter_mut().rev() {
            *figure = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }
    rest
}

/// Year, month and day of a day since 1970, by the calendar's cycle of 400 years that begins with a March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

impl std::fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC, or the bare number of seconds where the calendar ends.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = u64::try_from(self.0)
            .ok()
            .filter(|&millis| millis < 253_402_300_800_000)
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

    /// Moves a manual clock forward; the system's clock goes on as it does.
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
    fn a_time_of_a_log_is_what_the_library_makes_of_it() {
        let library = |millis| humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)).to_string();
        // Every day of two cycles and a bit, each at another time.
        for day in 0..300_000_u64 {
            let millis = day * 86_400_000 + day * 7919 % 86_400_000;
            assert_eq!(
                Rfc3339::of_millis(Timestamp::from_millis(millis.cast_signed())).as_str(),
                library(millis),
                "{millis}"
            );
        }
        let of = |millis| Rfc3339::of_millis(Timestamp::from_millis(millis)).as_str().to_owned();
        assert_eq!(of(-1), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            (of(i64::MAX), of(253_402_300_799_999)),
            (of(253_402_300_800_000), "9999-12-31T23:59:59.999Z".into())
        );
        assert_eq!(Rfc3339::<27>::new(1_549_088_552_000_042, 1_000_000).as_str(), "2019-02-02T06:22:32.000042Z");
    }
}
