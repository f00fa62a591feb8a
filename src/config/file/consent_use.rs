//! Who uses consents: programs, and the routes that they call.

use schemars::JsonSchema;
use serde::Deserialize;

/// A program that may use consents: known by its app-only token, or by its client certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ConsentCaller {
    /// The name that logs have for it.
    pub name: String,
    /// The name of the issuer of its app-only token: one of the `issuers`.
    pub issuer: Option<String>,
    /// The tenant (`tid`) of its token. Required with an Entra issuer.
    pub tenant: Option<String>,
    /// The application's id in its token (`appid`, `azp`, `client_id`, or what `application_claims` names).
    pub application: Option<String>,
    /// In place of a token, a name of its client certificate: a DNS name or a URI of the subject alternative names.
    pub certificate: Option<String>,
    /// The names of the consents that it may use.
    pub consents: Vec<String>,
    /// The scopes that it may have access tokens for. Default: each consent's own.
    pub scopes: Option<Vec<String>>,
    /// The tenants that it may have access tokens of: `own` (the consent's), `any`, or tenant ids. Default `own`.
    pub tenants: Option<CallerTenants>,
    /// Whether it may have access tokens itself, where a route serves them. Otherwise only upstreams receive them.
    /// Default `false`.
    #[serde(default)]
    pub tokens: bool,
    /// The name of the rate limit that applies to its uses of consents. Absent: none.
    pub rate_limit: Option<String>,
}

/// The tenants that a program may have access tokens of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum CallerTenants {
    /// `own`, `any`, or one tenant's id.
    One(String),
    /// The ids of tenants.
    Several(Vec<String>),
}

/// How a route uses a consent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ConsentUse {
    /// The name of one of the `consents`.
    pub consent: String,
    /// What the access tokens are for. Default: the consent's own `scope`.
    pub scope: Option<String>,
    /// The tenant that they are of: its id, `{ parameter: customer }` for a parameter of the route's paths, or
    /// `{ header: X-Customer }`. Default: the consent's own.
    pub tenant: Option<ConsentTenant>,
}

/// Which tenant an access token is of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum ConsentTenant {
    /// This one.
    Fixed(String),
    /// The one that each request names.
    Named(NamedTenant),
}

/// Where a request names a tenant: exactly one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct NamedTenant {
    /// A parameter of the route's paths.
    pub parameter: Option<String>,
    /// A header field, which the upstream doesn't receive.
    pub header: Option<String>,
}
