//! Routes, stages and exceptions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::consent_use::ConsentUse;
use super::delegation::Context;
use super::dpop::SenderConstrained;
use super::request::{AtExpiry, Cors, FieldEdits, TokenFrom};

/// A path or prefix that the gateway serves, and what it requires: exactly one of `path` and `prefix`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Route {
    /// This exact path.
    pub path: Option<String>,
    /// This path and every path below it, by whole segments: `/v1` and `/v1/` both match `/v1` and `/v1/…`, never
    /// `/v10`. In both, `{name}` stands for any one segment.
    pub prefix: Option<String>,
    /// The host or hosts that it is for: `api.example.com`, `*.example.com`, or `*` for every host. Absent: every host
    /// that other routes name. If no route names a host, every host.
    pub host: Option<RouteHosts>,
    /// The methods that it matches. Absent: all.
    pub methods: Option<Vec<String>>,
    /// The upstream's name. Absent only with `serve`.
    pub upstream: Option<String>,
    /// What the gateway itself serves there, in place of an upstream.
    pub serve: Option<Serve>,
    /// With `serve`, whom the report is about: `own` (the caller's tenant, at the caller's issuer), `all`, or the ids (`tid`)
    /// of tenants. Default `own`.
    pub reported_tenants: Option<ReportedTenants>,
    /// The requirement for callers. Default `mfa`.
    #[serde(default)]
    pub require: Require,
    /// The maximum age of the user's sign-in (`auth_time`), with `require: mfa`.
    pub max_age: Option<String>,
    /// Whether app-only tokens are accepted. Default `allow`.
    #[serde(default)]
    pub app_only: AppOnly,
    /// Whether a call acts for a partner. If so, control panel vendors may not use app-only tokens.
    #[serde(default)]
    pub acts_for_partner: bool,
    /// Whether the route takes only tokens that are bound to their senders: `any`, `required` (to a key or a client
    /// certificate), `dpop` or `mtls`. Default `any`.
    #[serde(default)]
    pub sender_constrained: SenderConstrained,
    /// The tenants (`tid`) that may call. Absent: all tenants that the issuers trust.
    pub tenants: Option<Vec<String>>,
    /// The tenant that a caller has to be signed in to: `customer`, whom the path names, or a `partner`'s own. Absent: any.
    pub context: Option<Context>,
    /// With `context: customer`, the parameter of the path that names the customer. Default `customer`.
    pub customer_parameter: Option<String>,
    /// The roles of which a caller needs one, users and applications alike. Absent: none is needed.
    pub roles: Option<Vec<String>>,
    /// Whether MFA findings are enforced, only reported, or ignored. Default `enforce`.
    #[serde(default)]
    pub mode: Mode,
    /// With `mode: enforce`, the percentage of applications that MFA is enforced for; for the others it is only
    /// reported. Default 100.
    pub percentage: Option<u8>,
    /// With `mode: enforce`, the time when enforcement begins, as RFC 3339: `2027-01-31T00:00:00Z`. Until then, the
    /// mode is `report`.
    pub enforce_from: Option<String>,
    /// The dialect of refusals. Default: the issuer's, else `partner-center`.
    pub dialect: Option<Dialect>,
    /// The maximum length of a request's body, in bytes, instead of `limits.body_bytes`.
    pub body_bytes: Option<u64>,
    /// The name of the rate limit that applies. Absent: none.
    pub rate_limit: Option<String>,
    /// Which credential the route takes: `bearer` (a token), `session` (that of somebody who signed in), or `either`. With
    /// `{ consent: … }` it takes the token of a program, and the upstream receives an access token of that consent in its
    /// place. Default `bearer`.
    #[serde(default)]
    pub credential: RouteCredential,
    /// The name of the sign-in whose sessions it takes. Default: the only one.
    pub sign_in: Option<String>,
    /// With sessions, whether shared caches may keep responses that the upstream calls `public`. Default `false`.
    #[serde(default)]
    pub shared_cache: bool,
    /// With sessions, whether a request keeps its session from going idle. Default `true`; `false` suits what pages ask
    /// for by themselves, again and again.
    pub counts_as_use: Option<bool>,
    /// Whether the upstream receives the caller's token; with a session, its access token. Default: `forward`, and
    /// `remove` on a route that takes sessions.
    pub authorization: Option<Authorization>,
    /// Whether paths with an encoded slash (`%2F`), parameters (`;`) or square brackets are forwarded or refused. Servers
    /// read them differently, so no route with another rule may lie below this one. Default `refuse`.
    #[serde(default)]
    pub encoded: Encoded,
    /// The pages of other origins that may read the responses (CORS). Absent: the upstream decides, and a preflight needs
    /// a token like any request.
    pub cors: Option<Cors>,
    /// Where the token stands. Default `authorization`.
    pub token_from: Option<TokenFrom>,
    /// Whether a `WebSocket`, an upload or a response that still streams when the token expires goes on (`keep`) or ends
    /// (`close`). Default `keep`.
    #[serde(default)]
    pub at_expiry: AtExpiry,
    /// Changes to the header fields of requests, after the gateway's own.
    pub request_headers: Option<FieldEdits>,
    /// Changes to the header fields of the upstream's responses.
    pub response_headers: Option<FieldEdits>,
    /// The first segments of the path that the upstream doesn't receive: `/api`. It gets them as `X-Forwarded-Prefix`.
    pub strip_prefix: Option<String>,
    /// The path that takes the place of `strip_prefix`, or of the route's `path` or `prefix` without that.
    pub rewrite: Option<String>,
}

/// The hosts of a route.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum RouteHosts {
    /// One host.
    One(String),
    /// Several hosts.
    Several(Vec<String>),
}

/// What the gateway itself serves.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Serve {
    /// The status report, in the form of Partner Center's REST calls: `v1/applicationmfaadoptionstatus`,
    /// `v1/partnerRequests` and `v1/nonMfaCompliantPartnerPrincipals`.
    StatusReport,
    /// Access tokens of consents, for the programs that `consent_callers` lists: `v1/token` and `v1/consents`.
    TokenBroker,
    /// Nothing: other proxies carry the requests of this route, and ask one of the `authorizers`.
    Authorizers,
    /// The receiver of security event tokens, which transmitters push (RFC 8935).
    SecurityEvents,
}

/// Whom a report is about.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum ReportedTenants {
    /// `own`, `all`, or one tenant's id.
    One(String),
    /// The ids of tenants.
    Several(Vec<String>),
}

/// Whether paths with forms that servers read differently are forwarded.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Encoded {
    /// They are refused with 400.
    #[default]
    Refuse,
    /// They are forwarded as they are, unless a reading of them leads to a stricter route.
    Forward,
}

/// The requirement for callers.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Require {
    /// Nothing: the gateway doesn't read the token.
    Public,
    /// A valid token.
    Authenticated,
    /// A valid token, and MFA if the token is a user's.
    #[default]
    Mfa,
}

/// Whether app-only tokens are accepted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum AppOnly {
    /// They are permitted without MFA.
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
    /// A user without MFA is permitted, and the gateway logs and counts the MFA finding. The token must still be valid.
    Report,
    /// A user without MFA is permitted. The token must still be valid.
    Off,
}

/// Which credential a route takes.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Credential {
    /// A token.
    #[default]
    Bearer,
    /// The session of somebody who signed in with a browser.
    Session,
    /// Either: a request with a token is judged by it alone.
    Either,
}

/// Which credential a route takes, and which one its upstream receives.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum RouteCredential {
    /// The upstream receives the caller's, or none.
    Own(Credential),
    /// The upstream receives an access token of a consent.
    Consent(ConsentUse),
}

impl Default for RouteCredential {
    fn default() -> Self {
        Self::Own(Credential::default())
    }
}

impl Route {
    /// Which credential the route takes.
    pub(in crate::config) fn takes(&self) -> Credential {
        match &self.credential {
            RouteCredential::Own(credential) => *credential,
            RouteCredential::Consent(_) => Credential::Bearer,
        }
    }

    /// The consent that its upstream receives access tokens of.
    pub(in crate::config) fn consent(&self) -> Option<&ConsentUse> {
        match &self.credential {
            RouteCredential::Own(_) => None,
            RouteCredential::Consent(consent) => Some(consent),
        }
    }
}

/// The form of refusals.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Dialect {
    /// The form that Partner Center uses.
    PartnerCenter,
    /// The form of RFC 6750 and RFC 9470, with Entra's claims challenge for clients that support it.
    Oauth,
}

/// Whether the upstream receives the caller's token.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Authorization {
    /// The gateway forwards the `Authorization` field unchanged, or sends the session's access token in it.
    Forward,
    /// The gateway removes the `Authorization` field.
    Remove,
}

/// Facts about the calling applications.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Applications {
    /// Application ids of control panel vendors.
    #[serde(default)]
    pub control_panel_vendors: Vec<String>,
}

/// A stage: the mode for some callers. At least one of `issuer`, `tenant` and `application` is required; all that are
/// set must match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Stage {
    /// The issuer's name.
    pub issuer: Option<String>,
    /// The tenant's id (`tid`).
    pub tenant: Option<String>,
    /// The application's id (`appid`, `azp` or `client_id`), in any letter case.
    pub application: Option<String>,
    /// Whether MFA findings are enforced, only reported, or ignored.
    pub mode: Mode,
    /// With `mode: enforce`, the percentage of applications that MFA is enforced for. Default 100.
    pub percentage: Option<u8>,
    /// With `mode: enforce`, the time when enforcement begins, as RFC 3339. Until then, the mode is `report`.
    pub enforce_from: Option<String>,
}

/// A technical exception. At least one of `application` and `user` is required.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Exception {
    /// The id that logs and reports show.
    pub id: String,
    /// The person or team responsible for it.
    pub owner: String,
    /// The reason for it.
    pub reason: String,
    /// The time when it ends, as RFC 3339: `2027-01-31T00:00:00Z`.
    pub expires: String,
    /// The application's id (`appid`, `azp` or `client_id`).
    pub application: Option<String>,
    /// The user's object id (`oid`), or `sub` where the issuer has none.
    pub user: Option<String>,
    /// The tenant's id (`tid`).
    pub tenant: Option<String>,
    /// The issuer's name. Absent: any.
    pub issuer: Option<String>,
    /// The paths or prefixes of the routes that it applies to, exactly as the routes write them. Absent: all routes.
    pub routes: Option<Vec<String>>,
}
