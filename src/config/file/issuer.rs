//! Who may issue tokens, and where their keys come from.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Dialect;

/// A trusted issuer: either `entra` or `issuer`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Issuer {
    /// The name used in logs, metrics and refusals.
    pub name: String,
    /// Microsoft Entra ID: v1.0 and v2.0 issuers, metadata and claim rules of a cloud.
    pub entra: Option<Entra>,
    /// Any other OIDC issuer: its identifier, compared exactly with `iss`, trailing slash included.
    pub issuer: Option<String>,
    /// The URL of its key set. Default: the `jwks_uri` of the discovery document.
    pub jwks_uri: Option<String>,
    /// A file with its key set, instead of a URL. The gateway reads it every five seconds.
    pub jwks_file: Option<String>,
    /// The accepted `aud` values, compared exactly. At least one.
    pub audiences: Vec<String>,
    /// The accepted signature algorithms. Default: `[RS256]`.
    pub algorithms: Option<Vec<String>>,
    /// The tolerated clock difference when `exp` and `nbf` are compared. Default `60s`, at most `5m`.
    pub clock_skew: Option<String>,
    /// The proof that a token is app-only. Default: `entra` for Entra issuers, else `any`.
    pub app_only_proof: Option<AppOnlyProof>,
    /// The proof of MFA. Default: `{ any: [{ claim: amr, contains: mfa }] }`.
    pub mfa_evidence: Option<MfaEvidence>,
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

/// The proof that a token was issued to an application without a user. Without the proof, the token counts as a user's.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AppOnlyProof {
    /// `idtyp` is `app`, or `oid` equals `sub` and the client authenticated (`appidacr`/`azpacr` 1 or 2), and there is
    /// no `scp`, `scope` or claim of a user.
    Entra,
    /// `idtyp` is `app`. No other proof counts.
    Idtyp,
    /// `sub` equals `client_id` (RFC 9068 section 2.2), and there is no claim of a user.
    Rfc9068,
    /// Either the `entra` or the `rfc9068` proof.
    Any,
    /// No token is ever app-only.
    None,
}

/// The rule that says which evidence counts as MFA. An empty `any` or `all` is the same as an absent one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MfaEvidence {
    /// One of these must hold.
    #[serde(default)]
    pub any: Vec<Predicate>,
    /// All of these must hold.
    #[serde(default)]
    pub all: Vec<Predicate>,
    /// None of these may hold.
    #[serde(default)]
    pub deny: Vec<Predicate>,
    /// The maximum age of the user's sign-in (`auth_time`). Absent: no maximum.
    pub max_age: Option<String>,
}

/// A test of one claim: exactly one of `contains` and `equals`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Predicate {
    /// The name of the claim, or the path to it as a list of names.
    pub claim: ClaimPath,
    /// The claim is an array of strings, and one element is exactly this.
    pub contains: Option<String>,
    /// The claim is a string, and is exactly this.
    pub equals: Option<String>,
}

/// A claim's name, or the list of names that leads to it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum ClaimPath {
    /// A top-level claim; dots and slashes are part of the name.
    Name(String),
    /// The names from the outermost object inwards.
    Path(Vec<String>),
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
