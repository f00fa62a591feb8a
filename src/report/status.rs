//! The report: the shares, what they are made of, and who is behind them.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::AccountList;
use super::customers::OfCustomer;
use super::day::Day;
use super::share::Share;

/// The days of a report if nobody says which: as many as Partner Center's has.
pub(super) const USUAL: i64 = 7;

/// The days that a report is about, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Span {
    /// The first.
    pub(crate) from: Day,
    /// The last.
    pub(crate) to: Day,
}

/// The security requirements status report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReport {
    /// Its days; `null` if nothing was counted and no day was named.
    pub(crate) span: Option<Span>,
    /// The share of enabled accounts with MFA registered, of each imported list; `null` if there is none.
    pub(crate) registered: Option<Vec<AccountList>>,
    /// Requests with a session.
    pub(crate) portal: Share,
    /// Requests with a token of a user.
    pub(crate) api: Share,
    /// Requests of applications without a user. They belong to no share.
    pub(crate) app_only: u64,
    /// The shares of each day.
    pub(crate) days: Vec<OfDay>,
    /// Those with the most requests without MFA first.
    pub(crate) applications: Vec<Group>,
    /// Likewise.
    pub(crate) tenants: Vec<Group>,
    /// Likewise.
    pub(crate) routes: Vec<Group>,
    /// The requests about customers, on routes with `context: customer`, by the partner that they came from. Likewise.
    #[serde(default)]
    pub(crate) customers: Vec<OfCustomer>,
    /// The exceptions that were used, those used most first.
    pub(crate) exceptions: Vec<Used>,
    /// Users who were seen without MFA, the last first.
    pub(crate) without_mfa: Vec<WithoutMfa>,
    /// Whether more applications, tenants, routes, customers or users came up than are told apart.
    pub(crate) is_cut: bool,
    /// The latest requests of users, the last first. They are downloads of their own.
    #[serde(skip)]
    pub(crate) latest: Vec<Request>,
}

/// The shares of a day.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfDay {
    pub(crate) day: Day,
    pub(crate) portal: Share,
    pub(crate) api: Share,
    pub(crate) app_only: u64,
}

/// The share of an application, a tenant or a route.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// The issuer's name; none for a route.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) issuer: String,
    /// The application's id, the tenant, or the route's pattern; empty if the token doesn't say.
    pub(crate) name: String,
    pub(crate) share: Share,
    /// Its requests without a user.
    pub(crate) app_only: u64,
}

/// A user who was seen without MFA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WithoutMfa {
    pub(crate) issuer: String,
    pub(crate) tenant: String,
    pub(crate) user: String,
    /// The user's name for people; none in a log, or if the configuration leaves it out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// `session` for a portal, `bearer` for an API.
    pub(crate) credential: Cow<'static, str>,
    /// The last time.
    pub(crate) last: String,
    pub(crate) route: String,
    pub(crate) application: String,
    /// What the user is, beyond a person: `directory_sync` for the account that synchronises a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Cow<'static, str>>,
    /// The requests without MFA.
    pub(crate) requests: u64,
    /// Those of them that were refused.
    #[serde(default)]
    pub(crate) refused: u64,
    /// Those that an exception let pass.
    #[serde(default)]
    pub(crate) exempt: u64,
    /// Those that passed because MFA was only reported on.
    #[serde(default)]
    pub(crate) report_only: u64,
    /// Those that passed because MFA was not required yet.
    #[serde(default)]
    pub(crate) off: u64,
}

/// How often an exception let a request pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Used {
    /// The exception's id.
    pub(crate) exception: String,
    pub(crate) requests: u64,
}

/// A request of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) time: String,
    pub(crate) request_id: String,
    pub(crate) correlation_id: String,
    /// The method and the route's pattern.
    pub(crate) operation: String,
    pub(crate) address: Option<String>,
    pub(crate) credential: Cow<'static, str>,
    pub(crate) issuer: String,
    pub(crate) tenant: String,
    pub(crate) user: String,
    /// The user's name for people, as in [`WithoutMfa`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    pub(crate) application: String,
    pub(crate) compliant: bool,
}

/// The word for a kind of credential.
pub(super) fn credential(portal: bool) -> &'static str {
    if portal { "session" } else { "bearer" }
}
