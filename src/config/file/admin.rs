//! The admin listener.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tls;

/// The admin listener: health, metrics, and the gateway's state for operators.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Admin {
    /// An IP address and port, for example `127.0.0.1:9090`.
    pub address: String,
    /// TLS on this address. Absent: plain text.
    pub tls: Option<Tls>,
    /// The host names that it serves, in addition to `localhost` and IP addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether `/metrics`, and the issuers' state in `/readyz`, need authentication. Default `open`: they don't.
    #[serde(default)]
    pub details: Details,
    /// Who may use the rest: `/config`, `/issuers`, `/routes`, `/explain`, `/reload` and the site. Absent: nobody.
    pub authentication: Option<Authentication>,
}

/// Who may see metrics and the state of issuers.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Details {
    /// Every client that can reach the listener.
    #[default]
    Open,
    /// Operators.
    Protected,
}

/// Who counts as an operator: at least one of `token_file`, `operators` and `sign_in`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Authentication {
    /// A file of bearer tokens, one per line, each of 32 characters or more. During a rotation it holds several. The
    /// gateway rereads it when it changes, and ignores empty lines and lines that begin with `#`.
    pub token_file: Option<String>,
    /// Operators who sign in with MFA, by the gateway's own rule.
    pub operators: Option<Operators>,
    /// Operators who sign in with a browser, always with MFA, and see the site.
    pub sign_in: Option<OperatorsSignIn>,
}

/// Operators who sign in with a browser. At least one of `users` and `roles` separates them from the issuer's other users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OperatorsSignIn {
    /// The name of an entry of `sign_in` for operators alone: its `public_url` is this listener as browsers see it.
    pub name: String,
    /// The users' object ids (`oid`), or `sub` if the issuer has none. Absent: every user who has one of the `roles`.
    pub users: Option<Vec<String>>,
    /// The roles of which an operator needs one. Absent: none, for the listed `users`.
    pub roles: Option<Vec<String>>,
    /// The tenants (`tid`) that operators may belong to. Absent: all tenants that the issuer trusts.
    pub tenants: Option<Vec<String>>,
    /// The maximum age of a sign-in (`auth_time`). After that, the next page asks for MFA again.
    pub max_age: Option<String>,
}

/// Operators who sign in with MFA. At least one of `audiences` and `users` separates them from the API's callers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Operators {
    /// The name of the issuer of their access tokens.
    pub issuer: String,
    /// The accepted `aud` values. None of them may be an audience of the API's callers. Absent: the issuer's.
    pub audiences: Option<Vec<String>>,
    /// The users' object ids (`oid`), or `sub` if the issuer has none. Absent: every user with one of these audiences.
    pub users: Option<Vec<String>>,
    /// The applications whose app-only tokens are accepted. Default: none.
    #[serde(default)]
    pub applications: Vec<String>,
    /// The tenants (`tid`) that operators may belong to. Absent: all tenants that the issuer trusts.
    pub tenants: Option<Vec<String>>,
    /// The maximum age of a user's sign-in (`auth_time`).
    pub max_age: Option<String>,
}
