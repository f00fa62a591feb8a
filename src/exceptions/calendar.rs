//! Working days: by when a request must have its answer.

use std::collections::BTreeSet;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;

const DAY: i64 = 86_400_000;

/// How many working days an answer may take.
const WITHIN: u32 = 3;

/// How far the search for working days goes, in days: a list of holidays may be without an end.
const FURTHEST: i64 = 1_000;

/// Which days are worked, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Whether each day of the week is worked, from Monday.
    pub(crate) working: [bool; 7],
    /// Days that aren't, by their number since 1970.
    pub(crate) holidays: BTreeSet<i64>,
    /// How far the clocks are ahead of UTC, in milliseconds.
    pub(crate) ahead: i64,
}

impl Default for Calendar {
    /// Monday to Friday, in UTC.
    fn default() -> Self {
        Self { working: [true, true, true, true, true, false, false], holidays: BTreeSet::new(), ahead: 0 }
    }
}

impl Calendar {
    /// The number of a day since 1970, from its date as `2026-12-25`.
    pub(crate) fn day(date: &str) -> Option<i64> {
        let moment = if date.len() == 10 { Timestamp::parse(&format!("{date}T00:00:00Z")) } else { None };
        moment.map(|at| at.as_millis().div_euclid(DAY))
    }

    /// The end of the third working day after the day of a request.
    pub(crate) fn due(&self, requested: Timestamp) -> Timestamp {
        let first = requested.as_millis().saturating_add(self.ahead).div_euclid(DAY);
        let (mut day, mut left) = (first, WITHIN);
        while left > 0 && day - first < FURTHEST {
            day += 1;
            left -= u32::from(self.is_worked(day));
        }
        let end = (day + 1).saturating_mul(DAY).saturating_sub(self.ahead);
        Timestamp::from_millis(end)
    }

    fn is_worked(&self, day: i64) -> bool {
        // 1970 began on a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
        self.working.get(weekday).copied().unwrap_or_default() && !self.holidays.contains(&day)
    }
}

/// A time zone's difference to UTC as `+01:00`, in milliseconds.
pub(crate) fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, below: u64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|&number| plain && number < below)
    };
    let seconds = number(hours, 15)? * 3600 + number(minutes, 60)? * 60;
    i64::try_from(Duration::from_secs(seconds).as_millis()).ok().map(|ahead| sign * ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(calendar: &Calendar, requested: &str) -> String {
        calendar.due(Timestamp::parse(requested).unwrap()).to_string()
    }

    #[test]
    fn an_answer_is_due_at_the_end_of_the_third_working_day() {
        let plain = Calendar::default();
        for (requested, expected) in [
            // A Monday, a Thursday, a Friday, and a weekend.
            ("2026-11-30T00:00:00Z", "2026-12-04T00:00:00Z"),
            ("2026-11-30T23:59:59Z", "2026-12-04T00:00:00Z"),
            ("2026-11-26T10:00:00Z", "2026-12-02T00:00:00Z"),
            ("2026-11-27T10:00:00Z", "2026-12-03T00:00:00Z"),
            ("2026-11-28T10:00:00Z", "2026-12-03T00:00:00Z"),
            ("2026-11-29T10:00:00Z", "2026-12-03T00:00:00Z"),
        ] {
            assert_eq!(due(&plain, requested), expected, "{requested}");
        }
    }

    #[test]
    fn holidays_other_weeks_and_zones_count() {
        let holidays = ["2026-12-24", "2026-12-25"].map(|date| Calendar::day(date).unwrap()).into();
        let christmas = Calendar { holidays, ..Calendar::default() };
        assert_eq!(due(&christmas, "2026-12-23T10:00:00Z"), "2026-12-31T00:00:00Z");
        let sundays = Calendar { working: [true, true, true, true, false, false, true], ..Calendar::default() };
        assert_eq!(due(&sundays, "2026-11-26T10:00:00Z"), "2026-12-02T00:00:00Z");
        let east = Calendar { ahead: offset("+05:30").unwrap(), ..Calendar::default() };
        // It is Tuesday there.
        assert_eq!(due(&east, "2026-11-30T19:00:00Z"), "2026-12-04T18:30:00Z");
        let west = Calendar { ahead: offset("-08:00").unwrap(), ..Calendar::default() };
        assert_eq!(due(&west, "2026-12-01T07:00:00Z"), "2026-12-04T08:00:00Z");
        let never = Calendar { working: [false; 7], ..Calendar::default() };
        assert!(due(&never, "2026-12-01T07:00:00Z").starts_with("2029"));
        assert_eq!(Calendar::default().due(Timestamp::from_millis(i64::MAX)).as_millis(), i64::MAX);
    }

    #[test]
    fn dates_and_offsets_are_read_strictly() {
        assert_eq!((Calendar::day("1970-01-02"), Calendar::day("2026-02-30")), (Some(1), None));
        assert_eq!(
            (offset("+01:00"), offset("-00:30"), offset("+00:00")),
            (Some(3_600_000), Some(-1_800_000), Some(0))
        );
        for wrong in ["", "+", "1:00", "+1:00", "+01", "+15:00", "+01:60", "+0a:00", "Z", "é01:00", "+-1:00"] {
            assert_eq!(offset(wrong), None, "{wrong}");
        }
        assert!(["2026-1-1", "26-12-25", "2026-12-25Z", ""].into_iter().all(|wrong| Calendar::day(wrong).is_none()));
    }
}
