//! Days of UTC.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use mfa_gateway_core::clock::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECONDS: i64 = 24 * 3600;

/// A day of UTC, by its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(i64);

impl Day {
    /// The day of a moment.
    pub(crate) fn of(at: Timestamp) -> Self {
        Self(at.as_secs().div_euclid(SECONDS))
    }

    /// The day of this number.
    pub(super) fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number since 1970.
    pub(super) fn number(self) -> i64 {
        self.0
    }

    /// So many days earlier.
    pub(crate) fn minus(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Timestamp::from_secs(self.0.saturating_mul(SECONDS)).to_rfc3339();
        f.write_str(text.get(..10).unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment = if text.len() == 10 { Timestamp::parse(&format!("{text}T00:00:00Z")) } else { None };
        moment.map(Self::of).ok_or("this is not a day as 2026-11-29")
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date", "description": "A day of UTC."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_it_is_read() {
        for text in ["2026-11-29", "1970-01-01", "2024-02-29"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        for wrong in ["2026-11-31", "2026-1-1", "20261129", "2026-11-29T00", "", "yesterday.."] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
        let day: Day = "2026-03-01".parse().unwrap();
        assert_eq!(day.minus(1).to_string(), "2026-02-28");
    }

    #[test]
    fn a_day_ends_at_midnight_of_utc() {
        let day = |text: &str| Day::of(Timestamp::parse(text).unwrap()).to_string();
        assert_eq!(day("2026-11-28T23:59:59.999Z"), "2026-11-28");
        assert_eq!(day("2026-11-29T00:00:00.000Z"), "2026-11-29");
    }
}
