//! A share: how many of the requests of users came with MFA, and what became of the others.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::counted::Outcome;

/// How many requests came with MFA, and what became of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// All of them.
    pub(crate) requests: u64,
    /// Those with MFA.
    pub(crate) with_mfa: u64,
    /// Those without MFA that were refused.
    pub(crate) refused: u64,
    /// Those that an exception let pass.
    pub(crate) exempt: u64,
    /// Those that passed because MFA was only reported on.
    pub(crate) report_only: u64,
    /// Those that passed because MFA was not required yet.
    pub(crate) off: u64,
}

/// The same as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Share")]
struct Written {
    /// All of them.
    requests: u64,
    /// Those with MFA.
    with_mfa: u64,
    /// The share of those with MFA, in whole percent, rounded down; `null` without requests.
    percent: Option<u8>,
    /// Those without MFA that were refused.
    refused: u64,
    /// Those without MFA that an exception let pass.
    exempt: u64,
    /// Those without MFA that passed because MFA was only reported on.
    report_only: u64,
    /// Those without MFA that passed because MFA was not required yet.
    off: u64,
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { requests, with_mfa, refused, exempt, report_only, off } = *self;
        Written { requests, with_mfa, percent: self.percent(), refused, exempt, report_only, off }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { requests, with_mfa, refused, exempt, report_only, off, .. } = Written::deserialize(deserializer)?;
        Ok(Self { requests, with_mfa, refused, exempt, report_only, off })
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Share {
    /// Adds requests of one outcome. Those of applications belong to no share.
    pub(super) fn add(&mut self, outcome: Outcome, count: u64) {
        let part = match outcome {
            Outcome::WithMfa => &mut self.with_mfa,
            Outcome::Refused => &mut self.refused,
            Outcome::Exempt => &mut self.exempt,
            Outcome::ReportOnly => &mut self.report_only,
            Outcome::Off => &mut self.off,
            Outcome::AppOnly => return,
        };
        *part = part.saturating_add(count);
        self.requests = self.requests.saturating_add(count);
    }

    /// Adds another share.
    pub(super) fn add_share(&mut self, other: &Self) {
        let Self { requests: _, with_mfa, refused, exempt, report_only, off } = *other;
        self.add(Outcome::WithMfa, with_mfa);
        self.add(Outcome::Refused, refused);
        self.add(Outcome::Exempt, exempt);
        self.add(Outcome::ReportOnly, report_only);
        self.add(Outcome::Off, off);
    }

    /// The share of those with MFA, in whole percent: 100 only if all are, and `None` without requests.
    pub(crate) fn percent(&self) -> Option<u8> {
        let hundredths = u128::from(self.with_mfa) * 100 / u128::from(self.requests.max(1));
        u8::try_from(hundredths).ok().filter(|_| self.requests > 0)
    }

    /// Those without MFA.
    pub(crate) fn without_mfa(&self) -> u64 {
        self.requests.saturating_sub(self.with_mfa)
    }

    /// Those that passed and that enforcement would refuse.
    pub(crate) fn would_be_refused(&self) -> u64 {
        self.report_only + self.off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_is_nothing_without_requests() {
        let mut share = Share::default();
        assert_eq!(share.percent(), None);
        share.add(Outcome::AppOnly, 7);
        assert_eq!((share.requests, share.percent()), (0, None));
        share.add(Outcome::WithMfa, 999);
        assert_eq!(share.percent(), Some(100));
        share.add(Outcome::Exempt, 1);
        assert_eq!((share.percent(), share.without_mfa()), (Some(99), 1));
        let mut share = Share::default();
        share.add(Outcome::Refused, 5);
        share.add(Outcome::ReportOnly, 2);
        share.add(Outcome::Off, 1);
        assert_eq!((share.percent(), share.requests, share.would_be_refused()), (Some(0), 8, 3));
    }

    #[test]
    fn the_published_examples_come_out() {
        let share = |with_mfa, requests: u64| {
            let mut share = Share::default();
            share.add(Outcome::WithMfa, with_mfa);
            share.add(Outcome::Refused, requests - with_mfa);
            share.percent()
        };
        // Partner Center, "Security requirements status": 2 of 10 through the portal, 2 of 5 through the API.
        assert_eq!((share(2, 10), share(2, 5), share(90, 100)), (Some(20), Some(40), Some(90)));
    }

    #[test]
    fn a_share_in_json_has_its_percent() {
        let mut share = Share::default();
        assert_eq!(serde_json::to_value(share).unwrap()["percent"], serde_json::Value::Null);
        share.add(Outcome::WithMfa, 1);
        share.add(Outcome::Off, 2);
        let json = serde_json::to_value(share).unwrap();
        assert_eq!((&json["percent"], &json["withMfa"], &json["requests"]), (&33.into(), &1.into(), &3.into()));
    }
}
