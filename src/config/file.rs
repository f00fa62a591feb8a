//! The configuration file as it is written: one struct per section, every field documented.
//!
//! These types only mirror the file. They are the source of the JSON Schema in `config/`, and
//! [`super::build`] turns them into a [`super::Config`] that is always valid. Durations are written as
//! `250ms`, `30s`, `5m`, `1h` or `2days`; sizes are numbers of bytes.

use schemars::JsonSchema;
use serde::Deserialize;

/// The whole configuration file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mfa-gateway configuration")]
pub(super) struct File {
    /// The addresses that take traffic. At least one.
    pub listeners: Vec<Listener>,
    /// The second listener, for health and metrics. Absent: no admin listener.
    pub admin: Option<Admin>,
    /// The networks (CIDR) of proxies in front of the gateway, whose `X-Forwarded-*` fields are believed and extended.
    /// Those of anybody else are replaced.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Who may issue access tokens. At least one, unless every route is public.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
    /// The backends. At least one.
    pub upstreams: Vec<Upstream>,
    /// What is served and what it requires. At least one. A request that matches none gets 404.
    pub routes: Vec<Route>,
    /// What is known about calling applications.
    #[serde(default)]
    pub applications: Applications,
    /// Technical exceptions: each waives MFA, and only MFA, for a narrow match until it expires.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Upper bounds on what a client may send or hold.
    #[serde(default)]
    pub limits: Limits,
    /// Deadlines on the client side, and the time to drain.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The cache of verified tokens.
    #[serde(default)]
    pub token_cache: TokenCache,
    /// What outlives a restart. Absent: nothing does.
    pub state: Option<State>,
    /// What refusals say beyond the rule itself.
    #[serde(default)]
    pub refusals: Refusals,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
}

/// An address that takes traffic: HTTP/1.1 and HTTP/2, by ALPN over TLS and with prior knowledge otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listener {
    /// IP address and port, for example `0.0.0.0:8080` or `"[::]:8080"`. Port 0 takes a free one.
    pub address: String,
    /// TLS 1.2 and 1.3 on this address. Absent: plain text.
    pub tls: Option<Tls>,
}

/// TLS on a listener. The files are read again when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// The certificates; a client gets the first that is valid for the name it asks for, else the first. At least one.
    pub certificates: Vec<Certificate>,
    /// Whether clients show certificates. Absent: they are not asked for any.
    pub client_certificates: Option<ClientCertificates>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    /// A PEM file with the certificate and its intermediates, the certificate first.
    pub certificate_file: String,
    /// A PEM file with the private key.
    pub key_file: String,
}

/// What is asked of clients' certificates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientCertificates {
    /// A PEM file with the authorities that may have issued them.
    pub ca_file: String,
    /// Whether a client without one is turned away. Default `true`.
    pub required: Option<bool>,
}

/// The admin listener: `/livez`, `/readyz` and `/metrics`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    /// IP address and port, for example `127.0.0.1:9090`.
    pub address: String,
}

/// A trusted issuer: either `entra` or `issuer`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    /// The name used in logs, metrics and refusals.
    pub name: String,
    /// Microsoft Entra ID: v1.0 and v2.0 issuers, metadata and claim rules of a cloud.
    pub entra: Option<Entra>,
    /// Any other OIDC issuer: its identifier, compared exactly with `iss`, trailing slash included.
    pub issuer: Option<String>,
    /// Where its keys are. Default: what the discovery document says.
    pub jwks_uri: Option<String>,
    /// The accepted `aud` values, compared exactly. At least one.
    pub audiences: Vec<String>,
    /// The accepted signature algorithms. Default: `[RS256]`.
    pub algorithms: Option<Vec<String>>,
    /// How far clocks may differ when `exp` and `nbf` are compared. Default `60s`, at most `5m`.
    pub clock_skew: Option<String>,
    /// What proves a token app-only. Default: `entra` for Entra issuers, else `any`.
    pub app_only_proof: Option<AppOnlyProof>,
    /// What proves MFA. Default: `{ any: [{ claim: amr, contains: mfa }] }`.
    pub mfa_evidence: Option<MfaEvidence>,
    /// How callers with this issuer's tokens are refused, where the route doesn't say.
    pub dialect: Option<Dialect>,
    /// How its keys are fetched and kept.
    #[serde(default)]
    pub keys: Keys,
}

/// Microsoft Entra ID.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entra {
    /// The national cloud: `global`, `us-government` or `china`.
    #[serde(default)]
    pub cloud: Cloud,
    /// Whose tokens are accepted: `any`, or a list of tenant ids.
    pub tenants: Tenants,
}

/// A national cloud of Microsoft Entra ID.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cloud {
    /// login.microsoftonline.com
    #[default]
    Global,
    /// login.microsoftonline.us
    UsGovernment,
    /// login.partner.microsoftonline.cn (21Vianet)
    China,
    /// login.microsoftonline.de, closed on 2021-10-29: named so that the error can say so.
    Germany,
}

/// Which tenants of an Entra cloud are trusted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Tenants {
    /// Tenant ids (GUIDs).
    List(Vec<String>),
    /// The word `any`: every tenant of the cloud.
    Any(AnyTenant),
}

/// The word `any`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AnyTenant {
    /// Every tenant.
    Any,
}

/// What proves that a token was issued to an application without a user. Whatever isn't proven counts as a user.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AppOnlyProof {
    /// `idtyp` is `app`, or `oid` equals `sub` and the client authenticated (`appidacr`/`azpacr` 1 or 2), and there is
    /// no `scp`, `scope` or claim of a user.
    Entra,
    /// `idtyp` is `app`; nothing else will do.
    Idtyp,
    /// `sub` equals `client_id` (RFC 9068 section 2.2), and there is no claim of a user.
    Rfc9068,
    /// Either the `entra` or the `rfc9068` proof.
    Any,
    /// No token is ever app-only.
    None,
}

/// The rule that says what counts as MFA. An empty `any` or `all` is the same as none.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MfaEvidence {
    /// One of these must hold.
    #[serde(default)]
    pub any: Vec<Predicate>,
    /// All of these must hold.
    #[serde(default)]
    pub all: Vec<Predicate>,
    /// None of these may hold.
    #[serde(default)]
    pub deny: Vec<Predicate>,
    /// How long ago the user may have authenticated (`auth_time`). Absent: any time.
    pub max_age: Option<String>,
}

/// A test of one claim: exactly one of `contains` and `equals`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Predicate {
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
pub(super) enum ClaimPath {
    /// A top-level claim; dots and slashes are part of the name.
    Name(String),
    /// Names from the outermost object inwards.
    Path(Vec<String>),
}

/// How an issuer's keys are fetched and kept.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// The time between refreshes. Default `1h`. A shorter `Cache-Control: max-age` is honoured down to 30 s, and half
    /// of a shorter `max_stale` takes its place.
    pub refresh_interval: Option<String>,
    /// How long the last good keys go on working while none can be fetched, counted from the last success. After that
    /// the issuer's tokens get 503. Default `24h`.
    pub max_stale: Option<String>,
    /// The deadline of one fetch, from connecting to the last byte. Default `5s`, at most `60s`.
    pub timeout: Option<String>,
    /// Allow `http` for hosts that are not loopback. Default `false`.
    #[serde(default)]
    pub allow_http: bool,
    /// A PEM file with certificate authorities that are trusted for these fetches, besides the system's.
    pub ca_file: Option<String>,
}

/// What outlives a restart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The directory for each issuer's last good keys, for example `/var/lib/mfa-gateway`: with them a restart while an
    /// issuer is down still serves. It is made if it doesn't exist, for the gateway's own user only.
    pub directory: String,
}

/// A backend: one or more endpoints that serve the same.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    /// The name that routes refer to.
    pub name: String,
    /// `http://host:port` or `https://host:port`, without a path. At least one.
    pub endpoints: Vec<String>,
    /// The protocol spoken to it. Default `http1`; gRPC needs `http2`.
    #[serde(default)]
    pub protocol: Protocol,
    /// The `Host` it gets: the client's (`preserve`, default) or the endpoint's own (`endpoint`).
    #[serde(default)]
    pub host: HostHeader,
    /// The deadline to connect. Default `2s`.
    pub connect_timeout: Option<String>,
    /// The deadline for the head of the answer. Default `60s`.
    pub response_timeout: Option<String>,
    /// How long the body of an answer may make no progress. Default `5m`.
    pub idle_timeout: Option<String>,
    /// How long an unused connection is kept. Default `4s`, below Node.js's 5 s.
    pub keep_alive: Option<String>,
}

/// The protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge otherwise.
    Http2,
}

/// Which `Host` an upstream gets.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum HostHeader {
    /// The one the client sent.
    #[default]
    Preserve,
    /// The endpoint's own.
    Endpoint,
}

/// What is served and what it requires: exactly one of `path` and `prefix`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
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
    /// Whether MFA findings are enforced or only reported. Default `enforce`.
    #[serde(default)]
    pub mode: Mode,
    /// How callers are refused. Default: the issuer's, else `partner-center`.
    pub dialect: Option<Dialect>,
    /// Whether the upstream gets the caller's token. Default `forward`.
    #[serde(default)]
    pub authorization: Authorization,
}

/// What a caller needs.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Require {
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
pub(super) enum AppOnly {
    /// They pass without MFA.
    #[default]
    Allow,
    /// They are refused with 403.
    Deny,
}

/// Whether MFA findings are enforced.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// A user without MFA is refused.
    #[default]
    Enforce,
    /// A user without MFA passes, and the finding is logged and counted. A token must be valid all the same.
    Report,
}

/// How a refusal is worded on the wire.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Dialect {
    /// As Partner Center answers.
    PartnerCenter,
    /// As RFC 6750 and RFC 9470 have it, with Entra's claims challenge for clients that handle it.
    Oauth,
}

/// Whether the upstream gets the caller's token.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Authorization {
    /// The `Authorization` field is forwarded as it came.
    #[default]
    Forward,
    /// The `Authorization` field is removed.
    Remove,
}

/// What is known about calling applications.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Applications {
    /// Application ids of control panel vendors.
    #[serde(default)]
    pub control_panel_vendors: Vec<String>,
}

/// A technical exception. At least one of `application` and `user` narrows it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
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

/// Upper bounds on what a client may send or hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// The size of a request's header section, in bytes. Default 32768.
    pub header_bytes: Option<u32>,
    /// The number of header fields. Default 100.
    pub headers: Option<u16>,
    /// The length of the request target, in bytes. Default 8192.
    pub url_bytes: Option<u16>,
    /// The size of a token, in bytes. Default 16384.
    pub token_bytes: Option<u32>,
    /// Client connections at once. Default 10000.
    pub connections: Option<u32>,
    /// Requests in flight at once; more get 503. Default 10000.
    pub requests: Option<u32>,
    /// Streams at once on an HTTP/2 connection. Default 100.
    pub streams: Option<u16>,
}

/// Deadlines on the client side.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Timeouts {
    /// From a connection's start to the end of its first request's head. Default `10s`.
    pub header: Option<String>,
    /// How long a connection may be idle between requests. Default `75s`.
    pub idle: Option<String>,
    /// How long a client may make no progress with sending a body or reading an answer. Default `60s`.
    pub body: Option<String>,
    /// How long a connection may live before it is asked to finish, up to a tenth more or less. Absent: no limit.
    pub connection_age: Option<String>,
    /// How long requests in flight may go on after SIGTERM. Default `30s`.
    pub drain: Option<String>,
    /// How long new connections are still taken after SIGTERM, with readiness failing already, so that balancers
    /// notice. Default `0s`.
    pub drain_delay: Option<String>,
}

/// The cache of verified tokens. Decisions are never cached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenCache {
    /// How much memory its tokens may take, in bytes; 0 turns it off. Default 268435456.
    pub max_bytes: Option<u64>,
}

/// What refusals say beyond the rule itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusals {
    /// The value of the `Request-Context` header, as Partner Center sends one. Absent: no such header.
    pub request_context: Option<String>,
    /// The base address of the page that explains each reason. Absent: no link.
    pub documentation: Option<String>,
    /// The `source` of the refusal's body. Default `mfa-gateway`.
    pub source: Option<String>,
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// `text` or `json`. Default `text`.
    #[serde(default)]
    pub format: LogFormat,
    /// The level, or a filter as `info,mfa_gateway::jwks=debug`. Default `info`.
    pub level: Option<String>,
    /// Which decisions are logged, one line each: `all`, `denied` or `none`. Default `denied`.
    #[serde(default)]
    pub decisions: LogDecisions,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogDecisions {
    /// Every decision.
    All,
    /// Refusals, and permits that report mode or an exception made.
    #[default]
    Denied,
    /// None.
    None,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
