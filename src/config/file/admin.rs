//! The admin listener.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tls;

/// The second listener: health and metrics, and for operators the state of the gateway.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Admin {
    /// IP address and port, for example `127.0.0.1:9090`.
    pub address: String,
    /// TLS on this address. Absent: plain text.
    pub tls: Option<Tls>,
    /// The host names that it may be asked for, besides `localhost` and IP addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether `/metrics`, and what `/readyz` tells of issuers, needs no authentication. Default `open`.
    #[serde(default)]
    pub details: Details,
    /// Who may use all else: `/config`, `/issuers`, `/routes`, `/explain` and `/reload`. Absent: nobody.
    pub authentication: Option<Authentication>,
}

/// Who may see metrics and the state of issuers.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Details {
    /// Whoever reaches the listener.
    #[default]
    Open,
    /// Operators.
    Protected,
}

/// Who counts as an operator: at least one of `token_file` and `operators`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Authentication {
    /// A file of bearer tokens, one a line, each of 32 characters or more; several while one is replaced. It is read again
    /// when it changes. Empty lines and lines that begin with `#` are left out.
    pub token_file: Option<String>,
    /// Operators who sign in with MFA, judged by the gateway's own rule.
    pub operators: Option<Operators>,
}

/// Operators who sign in with MFA. At least one of `audiences` and `users` tells them from the API's callers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Operators {
    /// The name of the issuer of their access tokens.
    pub issuer: String,
    /// The accepted `aud` values, none of which the issuer's own callers have. Absent: the issuer's.
    pub audiences: Option<Vec<String>>,
    /// The users' object ids (`oid`), or `sub` where the issuer has none. Absent: every user with such an audience.
    pub users: Option<Vec<String>>,
    /// The applications whose app-only tokens are accepted. Default: none.
    #[serde(default)]
    pub applications: Vec<String>,
    /// The tenants (`tid`) they may be of. Absent: all that the issuer trusts.
    pub tenants: Option<Vec<String>>,
    /// How long ago a user may have authenticated (`auth_time`).
    pub max_age: Option<String>,
}
