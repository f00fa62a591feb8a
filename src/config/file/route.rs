//! What is served, what it requires, and who is exempt.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is served and what it requires: exactly one of `path` and `prefix`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Route {
    /// Exactly this path.
    pub path: Option<String>,
    /// This path and all below it, by whole segments: `/v1` and `/v1/` both mean `/v1` and `/v1/…`, never `/v10`.
    pub prefix: Option<String>,
    /// The methods it is for. Absent: all.
    pub methods: Option<Vec<String>>,
    /// The upstream's name.
    pub upstream: String,
    /// What a caller needs. Default `mfa`.
    #[serde(default)]
    pub require: Require,
    /// How long ago the user may have authenticated (`auth_time`), with `require: mfa`.
    pub max_age: Option<String>,
    /// Whether app-only tokens are accepted. Default `allow`.
    #[serde(default)]
    pub app_only: AppOnly,
    /// Whether a call acts for a partner: control panel vendors may not use app-only tokens then.
    #[serde(default)]
    pub acts_for_partner: bool,
    /// The tenants (`tid`) that may call. Absent: all that the issuers trust.
    pub tenants: Option<Vec<String>>,
    /// Whether MFA findings are enforced, only reported, or not looked at. Default `enforce`.
    #[serde(default)]
    pub mode: Mode,
    /// With `mode: enforce`, which part of the applications it is enforced against, in percent; the others are reported.
    /// Default 100.
    pub percentage: Option<u8>,
    /// With `mode: enforce`, when that begins, as RFC 3339: `2027-01-31T00:00:00Z`; until then it is `report`.
    pub enforce_from: Option<String>,
    /// How callers are refused. Default: the issuer's, else `partner-center`.
    pub dialect: Option<Dialect>,
    /// The length of a request's body, in bytes, in place of `limits.body_bytes`.
    pub body_bytes: Option<u64>,
    /// The name of the rate limit that holds here. Absent: none.
    pub rate_limit: Option<String>,
    /// Whether the upstream gets the caller's token. Default `forward`.
    #[serde(default)]
    pub authorization: Authorization,
}

/// What a caller needs.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Require {
    /// Nothing: no token is looked at.
    Public,
    /// A valid token.
    Authenticated,
    /// A valid token, and for a user MFA.
    #[default]
    Mfa,
}

/// Whether app-only tokens are accepted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AppOnly {
    /// They pass without MFA.
    #[default]
    Allow,
    /// They are refused with 403.
    Deny,
}

/// Whether MFA findings are enforced.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Mode {
    /// A user without MFA is refused.
    #[default]
    Enforce,
    /// A user without MFA passes, and the finding is logged and counted. A token must be valid all the same.
    Report,
    /// A user without MFA passes. A token must be valid all the same.
    Off,
}

/// How a refusal is worded on the wire.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Dialect {
    /// As Partner Center answers.
    PartnerCenter,
    /// As RFC 6750 and RFC 9470 have it, with Entra's claims challenge for clients that handle it.
    Oauth,
}

/// Whether the upstream gets the caller's token.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Authorization {
    /// The `Authorization` field is forwarded as it came.
    #[default]
    Forward,
    /// The `Authorization` field is removed.
    Remove,
}

/// What is known about calling applications.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Applications {
    /// Application ids of control panel vendors.
    #[serde(default)]
    pub control_panel_vendors: Vec<String>,
}

/// A mode for some callers. At least one of `issuer`, `tenant` and `application` says whom it is for; all that are given
/// must match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Stage {
    /// The issuer's name.
    pub issuer: Option<String>,
    /// The tenant's id (`tid`).
    pub tenant: Option<String>,
    /// The application's id (`appid`, `azp` or `client_id`), in any letter case.
    pub application: Option<String>,
    /// Whether MFA findings are enforced, only reported, or not looked at.
    pub mode: Mode,
    /// With `mode: enforce`, which part of the applications it is enforced against, in percent. Default 100.
    pub percentage: Option<u8>,
    /// With `mode: enforce`, when that begins, as RFC 3339; until then it is `report`.
    pub enforce_from: Option<String>,
}

/// A technical exception. At least one of `application` and `user` narrows it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Exception {
    /// The id that logs and reports name.
    pub id: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it was granted.
    pub reason: String,
    /// When it ends, as RFC 3339: `2027-01-31T00:00:00Z`.
    pub expires: String,
    /// The application's id (`appid`, `azp` or `client_id`).
    pub application: Option<String>,
    /// The user's object id (`oid`), or `sub` where the issuer has none.
    pub user: Option<String>,
    /// The tenant's id (`tid`).
    pub tenant: Option<String>,
    /// The issuer's name. Absent: any.
    pub issuer: Option<String>,
    /// Paths or prefixes of the routes it is for, as they are written there. Absent: all routes.
    pub routes: Option<Vec<String>>,
}
