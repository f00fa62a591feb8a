//! The lines of the log about deliveries that weren't accepted: not one for each, since anybody may send some.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mfa_gateway_core::clock::Timestamp;

/// How many seconds one line stands for.
const SECONDS: u64 = 60;

/// The last lines, by transmitter and result.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<HashMap<(String, &'static str), Line>>);

/// The last line about one kind of delivery.
#[derive(Debug)]
struct Line {
    /// When it was written, in seconds since 1970.
    at: i64,
    /// How many deliveries had none since.
    without: u64,
}

impl Lines {
    /// Whether a delivery gets a line, and how many had none since the last.
    pub(super) fn due(&self, transmitter: &str, result: &'static str, now: Timestamp) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_secs();
        match lines.get_mut(&(transmitter.to_owned(), result)) {
            None => {
                lines.insert((transmitter.to_owned(), result), Line { at: now, without: 0 });
                Some(0)
            }
            // A clock that was set back delays no line for long.
            Some(line) if now.abs_diff(line.at) < SECONDS => {
                line.without = line.without.saturating_add(1);
                None
            }
            Some(line) => Some(std::mem::replace(line, Line { at: now, without: 0 }).without),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_minute_stands_for_all_of_a_kind() {
        let (lines, at) = (Lines::default(), Timestamp::from_secs);
        assert_eq!(lines.due("", "invalid_key", at(1000)), Some(0));
        for second in 1000..1060 {
            assert_eq!(lines.due("", "invalid_key", at(second)), None);
        }
        assert_eq!(lines.due("", "invalid_request", at(1001)), Some(0), "another result");
        assert_eq!(lines.due("idp", "invalid_key", at(1001)), Some(0), "another transmitter");
        assert_eq!(lines.due("", "invalid_key", at(1060)), Some(60));
        assert_eq!(lines.due("", "invalid_key", at(900)), Some(0), "a clock that was set back");
    }
}
