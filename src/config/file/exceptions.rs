//! Exceptions that people ask for.

use schemars::JsonSchema;
use serde::Deserialize;

/// Technical exceptions that people ask for and other people grant, on the admin listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ExceptionRequests {
    /// The roles, by name, of which a person needs one to ask for an exception.
    pub request: Vec<String>,
    /// The roles, by name, of which another person needs one to grant it.
    pub approve: Vec<String>,
    /// How long ago an approver may have signed in with MFA, up to `1h`. Default `15m`.
    pub approval_max_age: Option<String>,
    /// The working days, of which an answer may take three.
    #[serde(default)]
    pub calendar: Calendar,
    /// How long an exception may last, up to `30d`. Default `30d`.
    pub longest: Option<String>,
}

/// The working days.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Calendar {
    /// The days of the week that are worked. Default: Monday to Friday.
    pub working_days: Option<Vec<Weekday>>,
    /// Days that aren't, such as `2026-12-25`.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// How far the clocks are ahead of UTC, such as `+01:00`. Default `+00:00`.
    pub utc_offset: Option<String>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}
