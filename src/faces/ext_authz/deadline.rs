//! The deadline of a gRPC call.

use std::time::Duration;

use ::http::HeaderMap;

/// The longest deadline that makes a difference.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the caller waits from now, if it says so (gRPC over HTTP/2, "Timeout").
pub(super) fn of(fields: &HeaderMap) -> Option<Duration> {
    let text = fields.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// How long an answer may take that is to arrive in time: a caller that gives up takes that for trouble, and may let
/// the request pass.
pub(super) fn for_answer(deadline: Duration) -> Duration {
    deadline.min(LONGEST) * 9 / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("250m", Some(Duration::from_millis(250))),
            ("2S", Some(Duration::from_secs(2))),
            ("1M", Some(Duration::from_secs(60))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("5u", Some(Duration::from_micros(5))),
            ("7n", Some(Duration::from_nanos(7))),
            ("123456789m", None),
            ("m", None),
            ("", None),
            ("5", None),
            ("-5m", None),
            ("5.5S", None),
            ("5s", None),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert("grpc-timeout", text.parse().unwrap());
            assert_eq!(of(&fields), expected, "{text}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
        assert_eq!(for_answer(Duration::from_millis(200)), Duration::from_millis(180));
        assert_eq!(for_answer(Duration::MAX), Duration::from_secs(3240));
    }
}
