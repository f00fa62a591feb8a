//! Who may issue tokens, and where their keys come from.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AppOnlyProof, ClaimPath, Condition, Dialect, Introspection, MfaEvidence};

/// A trusted issuer: either `entra` or `issuer`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Issuer {
    /// The name used in logs, metrics and refusals.
    pub name: String,
    /// Microsoft Entra ID: v1.0 and v2.0 issuers, metadata and claim rules of a cloud.
    pub entra: Option<Entra>,
    /// Any other issuer: its identifier, compared exactly with `iss`, trailing slash included. Without `jwks_uri` and
    /// `discovery` it must be a URL.
    pub issuer: Option<String>,
    /// The URL of its key set. Default: the `jwks_uri` of the discovery document.
    pub jwks_uri: Option<String>,
    /// A file with its key set, instead of a URL. The gateway reads it every five seconds.
    pub jwks_file: Option<String>,
    /// Where its discovery document is. Default: at the issuer's URL.
    pub discovery: Option<Discovery>,
    /// The accepted `aud` values, compared exactly. At least one, unless there are `client_ids`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The clients whose access tokens need no `aud`, for an issuer that writes none (Amazon Cognito): `client_id` is one of
    /// these, and `token_use` is `access`.
    #[serde(default)]
    pub client_ids: Vec<String>,
    /// Conditions that bind tokens to this issuer. A token that doesn't meet all of them is invalid.
    #[serde(default)]
    pub required_claims: Vec<Condition>,
    /// The accepted signature algorithms. Default: `[RS256]`.
    pub algorithms: Option<Vec<String>>,
    /// The tolerated clock difference when `exp` and `nbf` are compared. Default `60s`, at most `5m`.
    pub clock_skew: Option<String>,
    /// The claims that name the application: the first that is there. Default: `appid`, `azp` or `client_id`, else `cid`.
    pub application_claims: Option<Vec<String>>,
    /// The proof that a token is app-only. Default: `entra` for Entra issuers, else `any`.
    pub app_only_proof: Option<AppOnlyProof>,
    /// The proof of MFA. Default: `{ any: [{ claim: amr, contains: mfa }] }`.
    pub mfa_evidence: Option<MfaEvidence>,
    /// The claim that names a user's home tenant: a tenant's id, or the issuer of one. Default for Entra issuers: `idp`, and
    /// the token's own tenant without it. For others there is none, and no user meets a route's `context`.
    pub home_claim: Option<ClaimPath>,
    /// How the issuer is asked about tokens that only it can read (RFC 7662). Absent: such tokens are refused.
    pub introspection: Option<Introspection>,
    /// How the issuer writes the time of a sign-in. Default `seconds`.
    #[serde(default)]
    pub auth_time: AuthTime,
    /// The dialect of refusals to callers with this issuer's tokens, unless the route sets one.
    pub dialect: Option<Dialect>,
    /// Claims of verified tokens that upstreams receive in header fields, besides the identity fields. A claim that is
    /// absent, or is neither text, number, boolean nor a list of these, leaves its field absent.
    #[serde(default)]
    pub claims_to_headers: Vec<ClaimToHeader>,
    /// The product that the issuer is: remedies in refusals and in `explain` name its settings. Default: by the form of
    /// its URL, else `generic`.
    pub product: Option<Product>,
    /// How the gateway fetches and keeps its keys.
    #[serde(default)]
    pub keys: Keys,
}

/// The product behind an issuer.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Product {
    /// Microsoft Entra ID.
    Entra,
    /// Keycloak, and what is built on it.
    Keycloak,
    /// Okta.
    Okta,
    /// Auth0.
    Auth0,
    /// Any other: the remedies name no product's settings.
    Generic,
}

/// Microsoft Entra ID.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Entra {
    /// The national cloud: `global`, `us-government` or `china`.
    #[serde(default)]
    pub cloud: Cloud,
    /// The tenants whose tokens are accepted: `any`, or a list of tenant ids.
    pub tenants: Tenants,
}

/// A national cloud of Microsoft Entra ID.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Cloud {
    /// login.microsoftonline.com
    #[default]
    Global,
    /// login.microsoftonline.us
    UsGovernment,
    /// login.partner.microsoftonline.cn (21Vianet)
    China,
    /// login.microsoftonline.de, closed on 2021-10-29. It has a name only for a clear error message.
    Germany,
}

/// The trusted tenants of an Entra cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Tenants {
    /// Tenant ids (GUIDs).
    List(Vec<String>),
    /// The word `any`: every tenant of the cloud.
    Any(AnyTenant),
}

/// The word `any`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AnyTenant {
    /// Every tenant.
    Any,
}

/// Where an issuer's discovery document is, if not where its identifier says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Discovery {
    /// The URL of the document.
    pub url: String,
    /// The `issuer` that the document names. Default: the configured one.
    pub issuer: Option<String>,
}

/// How the issuer writes `auth_time`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AuthTime {
    /// A number of seconds since 1970, as OpenID Connect has it.
    #[default]
    Seconds,
    /// A text such as `2026-11-28T10:00:00.546Z`, as AD FS writes it.
    Rfc3339,
}

/// A claim that upstreams receive in a header field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ClaimToHeader {
    /// The name of the claim, or the path to it as a list of names.
    pub claim: ClaimPath,
    /// The name of the header field. The gateway removes it from every client's request, in every spelling.
    pub header: String,
}

/// How the gateway fetches and keeps an issuer's keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Keys {
    /// The time between refreshes. Default `1h`. The gateway honours a shorter `Cache-Control: max-age` down to 30 s.
    /// If half of `max_stale` is shorter, it is used instead.
    pub refresh_interval: Option<String>,
    /// How long the last good keys stay in use while refreshes fail, counted from the last success. After that,
    /// requests with the issuer's tokens get 503. Default `24h`.
    pub max_stale: Option<String>,
    /// The deadline of one fetch, from connecting to the last byte. Default `5s`, at most `60s`.
    pub timeout: Option<String>,
    /// Whether `http` is allowed for hosts that are not loopback. Default `false`.
    #[serde(default)]
    pub allow_http: bool,
    /// A PEM file with certificate authorities to trust for these fetches, in addition to the system's.
    pub ca_file: Option<String>,
}

/// The state that survives a restart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct State {
    /// The directory for each issuer's last good keys, for example `/var/lib/mfa-gateway`. With them, the gateway can
    /// restart and serve while an issuer is down. The gateway creates the directory if it doesn't exist, for its own
    /// user only.
    pub directory: String,
}
