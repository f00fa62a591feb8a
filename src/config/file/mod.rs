//! The configuration file as it is written: one struct per section, every field documented.
//!
//! These types only mirror the file. They are the source of the JSON Schema in `config/`, and
//! [`super::build`] turns them into a [`super::Config`] that is always valid. Durations are written as
//! `250ms`, `30s`, `5m`, `1h` or `2days`; sizes are numbers of bytes.

mod admin;
mod authorizer;
mod consent;
mod consent_use;
mod credentials;
mod delegation;
mod dpop;
mod exceptions;
mod introspection;
mod issuer;
mod network;
mod operation;
mod report;
mod request;
mod resource;
mod route;
mod security_events;
mod sign_in;
mod telemetry;
mod token_claims;
mod vendor;

pub(super) use admin::{Admin, Authentication, Details, Operators, OperatorsSignIn};
pub(super) use authorizer::{Assertion, Authorizer, AuthorizerKind, AuthorizerPeers};
pub(super) use consent::Consent;
pub(super) use consent_use::{CallerTenants, ConsentCaller, ConsentTenant, NamedTenant};
pub(super) use credentials::{AssertionAudience, ClientAuthentication, Credentials};
pub(super) use delegation::{Context, Delegation};
pub(super) use dpop::{Dpop, SenderConstrained};
pub(super) use exceptions::{Calendar, ExceptionRequests, Weekday};
pub(super) use introspection::{Introspection, IntrospectionResponse};
pub(super) use issuer::{AuthTime, ClaimToHeader, Cloud, Entra, Issuer, Keys, Product, State, Tenants};
pub(super) use network::{Certificate, HostHeader, Listener, Protocol, ProxyProtocol, Tls, Upstream, UpstreamTls};
pub(super) use operation::{
    Limits, Log, LogDecisions, LogFormat, RateLimit, RateLimitKey, Refusals, Timeouts, TokenCache, Told,
};
pub(super) use report::{Accounts, Names, Report};
pub(super) use request::{AtExpiry, Cors, Field, FieldEdits, OtherPlace, TokenFrom};
pub(super) use resource::Resource;
pub(super) use route::{
    AppOnly, Applications, Authorization, Credential, Dialect, Encoded, Exception, Mode, ReportedTenants, Require,
    Route, RouteHosts, Serve, Stage,
};
pub(super) use security_events::{SecurityEventName, SecurityEvents, Transmitter};
pub(super) use sign_in::{Asks, Display, Endpoint, Refresh, RefreshWord, ResponseMode, SignIn, SignInIssuer, Store};
pub(super) use telemetry::{Telemetry, TraceProtocol, Traces};
pub(super) use token_claims::{AppOnlyProof, ClaimPath, Condition, KnownProof, MfaEvidence, OwnProof, Predicate, Role};
pub(super) use vendor::{Grant, Vendor};

use schemars::JsonSchema;
use serde::Deserialize;

/// The whole configuration file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mfa-gateway configuration")]
pub(super) struct File {
    /// The addresses that accept traffic. At least one, unless there are `authorizers`.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Where proxies ask that carry the requests themselves: Envoy, nginx, Traefik, Caddy.
    #[serde(default)]
    pub authorizers: Vec<Authorizer>,
    /// What the assertions of `authorizers` are signed with, and what they say. Absent: there are none.
    pub assertion: Option<Assertion>,
    /// The number of threads that serve requests, from 1 to 1024. Default: the number of cores that the process may
    /// use.
    pub threads: Option<u16>,
    /// The admin listener: health, metrics, and the gateway's state for operators. Absent: there is no admin listener.
    pub admin: Option<Admin>,
    /// The networks (CIDR) of proxies in front of the gateway. The gateway trusts and extends their `X-Forwarded-*`
    /// fields, and replaces those of every other client.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// The trusted issuers of access tokens. At least one, unless every route is public.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
    /// The roles that routes may need, and the claims that give them.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// How people sign in with a browser, for the routes that take sessions.
    #[serde(default)]
    pub sign_in: Vec<SignIn>,
    /// The consents that programs use which run unattended.
    #[serde(default)]
    pub consents: Vec<Consent>,
    /// Files with the keys that seal refresh tokens of consents: the first seals, all open. Each has 32 random bytes:
    /// `openssl rand -base64 32`.
    pub consent_keys: Option<Vec<String>>,
    /// The programs that may use consents, and for what.
    #[serde(default)]
    pub consent_callers: Vec<ConsentCaller>,
    /// Control panel vendors, whose partners gave one of the `consents` each.
    #[serde(default)]
    pub vendors: Vec<Vendor>,
    /// Security events, which end tokens and sessions. Absent: none are taken.
    pub security_events: Option<SecurityEvents>,
    /// The status report. Absent: nothing is counted.
    pub report: Option<Report>,
    /// Where sessions, the report's counts and exceptions are stored. Default: SQLite in `state.directory`; without that,
    /// memory.
    pub store: Option<Store>,
    /// The services behind the gateway. At least one, unless no route names one.
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
    /// The rate limits. A route names the one that applies to it.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// The paths that the gateway serves, and what they require. At least one. A request that matches none gets 404.
    pub routes: Vec<Route>,
    /// Facts about the calling applications.
    #[serde(default)]
    pub applications: Applications,
    /// The tenants of partners, whose users act on behalf of customers. Those that `delegations` names are partners too.
    #[serde(default)]
    pub partners: Vec<String>,
    /// The delegations: for which customers a partner's users may act, on routes with `context: customer`.
    #[serde(default)]
    pub delegations: Vec<Delegation>,
    /// Technical exceptions. Each waives MFA, and only MFA, for a narrow match until it expires.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Technical exceptions that people ask for and other people grant. Absent: there are only those of `exceptions`.
    pub exception_requests: Option<ExceptionRequests>,
    /// Staged activation: modes for some callers, instead of the routes' own. The first stage that matches a caller
    /// applies.
    #[serde(default)]
    pub activation: Vec<Stage>,
    /// Upper bounds on what a client may send or hold.
    #[serde(default)]
    pub limits: Limits,
    /// Deadlines for clients, and the duration of the drain.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The protected resources whose metadata the gateway serves (RFC 9728). Absent: none.
    #[serde(default)]
    pub resource_metadata: Vec<Resource>,
    /// How senders prove the key that their token is bound to (DPoP, RFC 9449).
    #[serde(default)]
    pub dpop: Dpop,
    /// The cache of verified tokens.
    #[serde(default)]
    pub token_cache: TokenCache,
    /// The state that survives a restart. Absent: none.
    pub state: Option<State>,
    /// Optional content of refusals.
    #[serde(default)]
    pub refusals: Refusals,
    /// The logs.
    #[serde(default)]
    pub log: Log,
    /// Telemetry that the gateway sends to other systems.
    #[serde(default)]
    pub telemetry: Telemetry,
}
