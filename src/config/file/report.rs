//! The status report.

use schemars::JsonSchema;
use serde::Deserialize;

/// The status report: which share of the requests of users came with MFA, counted in the store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Report {
    /// What is kept of users' names, such as `upn`. Default `stored`.
    #[serde(default)]
    pub names: Names,
    /// How long the store knows what was counted.
    #[serde(default)]
    pub retention: Retention,
    /// Lists of accounts, exported from the identity provider, for the share of those with MFA registered. Default: none.
    #[serde(default)]
    pub accounts: Vec<Accounts>,
}

/// A list of the accounts of a tenant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Accounts {
    /// The issuer's name.
    pub issuer: String,
    /// The tenant (`tid`). Absent: the issuer has none.
    pub tenant: Option<String>,
    /// The file: CSV with a first row of names, or JSON of Microsoft Graph. It is read again when it has changed.
    pub file: String,
}

/// What is kept of users' names, such as `upn`. Their ids stay as they are.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Names {
    /// The names.
    #[default]
    Stored,
    /// Hashes: the same name is seen to be the same, and isn't told.
    Hashed,
    /// Nothing.
    Omitted,
}

/// How long the store knows what was counted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Retention {
    /// The counts of each day, which name no user. Default `400days`.
    pub days: Option<String>,
    /// What users did on each day. Default `90days`.
    pub users: Option<String>,
    /// The latest requests of users, at most 10,000 for each tenant. Default `7days`.
    pub requests: Option<String>,
}
