//! Values in words: short, and without characters that mislead.

use std::borrow::Cow;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use crate::visible::visible;

/// How many characters of a value are shown.
const LONGEST: usize = 300;

/// A moment, for machines and for people.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Moment {
    machine: String,
    human: String,
}

impl Moment {
    /// A moment, as `2026-11-29 02:31 UTC`.
    pub(crate) fn of(at: Timestamp) -> Self {
        let machine = at.to_rfc3339();
        let human = match (machine.get(..10), machine.get(11..16)) {
            (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
            _ => machine.clone(),
        };
        Self { machine, human }
    }
}

/// A text of at most [`LONGEST`] characters, with the characters written out that a reader wouldn't see.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", visible(text.get(..end).unwrap_or_default())).into(),
        None => visible(text),
    }
}

/// How long ago something was.
pub(crate) fn ago(since: Duration) -> String {
    match since.as_secs() {
        0..60 => "just now".to_owned(),
        _ => format!("{} ago", about(since)),
    }
}

/// A time of at least a minute, in its largest unit.
pub(crate) fn about(time: Duration) -> String {
    let of = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match time.as_secs() {
        secs @ 0..3600 => of(secs / 60, "minute"),
        secs @ 3600..86_400 => of(secs / 3600, "hour"),
        secs => of(secs / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_odd_values_are_shown_short_and_whole() {
        assert_eq!(short("a\u{202e}b"), "a\\u{202e}b");
        let long = short(&"é".repeat(LONGEST + 1)).into_owned();
        assert_eq!((long.chars().count(), long.chars().last()), (LONGEST + 1, Some('…')));
        assert_eq!(short(&"é".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[test]
    fn times_are_told_in_words() {
        for (secs, expected) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (7200, "2 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(secs)), expected);
        }
        assert_eq!(Moment::of(Timestamp::from_secs(1_795_919_465)).human, "2026-11-29 02:31 UTC");
    }
}
