//! The configuration file as it is written: one struct per section, every field documented.
//!
//! These types only mirror the file. They are the source of the JSON Schema in `config/`, and
//! [`super::build`] turns them into a [`super::Config`] that is always valid. Durations are written as
//! `250ms`, `30s`, `5m`, `1h` or `2days`; sizes are numbers of bytes.

mod admin;
mod issuer;
mod network;
mod operation;
mod route;
mod telemetry;

pub(super) use admin::{Admin, Authentication, Details, Operators};
pub(super) use issuer::{AppOnlyProof, ClaimPath, Cloud, Entra, Issuer, Keys, MfaEvidence, Predicate, State, Tenants};
pub(super) use network::{Certificate, HostHeader, Listener, Protocol, ProxyProtocol, Tls, Upstream, UpstreamTls};
pub(super) use operation::{
    Limits, Log, LogDecisions, LogFormat, RateLimit, RateLimitKey, Refusals, Timeouts, TokenCache, Told,
};
pub(super) use route::{AppOnly, Applications, Authorization, Dialect, Exception, Mode, Require, Route, Stage};
pub(super) use telemetry::{Telemetry, TraceProtocol, Traces};

use schemars::JsonSchema;
use serde::Deserialize;

/// The whole configuration file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mfa-gateway configuration")]
pub(super) struct File {
    /// The addresses that take traffic. At least one.
    pub listeners: Vec<Listener>,
    /// How many threads serve requests, from 1 to 1024. Default: as many as there are cores that the process may use.
    pub threads: Option<u16>,
    /// The second listener: health, metrics, and for operators the gateway's state. Absent: there is none.
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
    /// How often callers may call; routes name the limit that holds for them.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// What is served and what it requires. At least one. A request that matches none gets 404.
    pub routes: Vec<Route>,
    /// What is known about calling applications.
    #[serde(default)]
    pub applications: Applications,
    /// Technical exceptions: each waives MFA, and only MFA, for a narrow match until it expires.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// Staged activation: modes for some callers, in place of the routes' own. The first that is for a caller holds.
    #[serde(default)]
    pub activation: Vec<Stage>,
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
    /// What the gateway tells about itself to others.
    #[serde(default)]
    pub telemetry: Telemetry,
}
