//! Bounds, deadlines, refusals and the log.

use schemars::JsonSchema;
use serde::Deserialize;

/// Upper bounds on what a client may send or hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Limits {
    /// The size of a request's header section, in bytes. Default 32768.
    pub header_bytes: Option<u32>,
    /// The number of header fields. Default 100.
    pub headers: Option<u16>,
    /// The length of the request target, in bytes. Default 8192.
    pub url_bytes: Option<u16>,
    /// The size of a token, in bytes. Default 16384.
    pub token_bytes: Option<u32>,
    /// The length of a request's body, in bytes; more get 413. Default: no limit, since bodies are streamed.
    pub body_bytes: Option<u64>,
    /// Client connections at once. Default 10000.
    pub connections: Option<u32>,
    /// Client connections at once from one address, or one IPv6 network of 64 bits; more are closed. 0: no limit. Default
    /// 1000. Loopback and `trusted_proxies` are not limited.
    pub connections_per_address: Option<u32>,
    /// Requests in flight at once; more get 503. Default 10000.
    pub requests: Option<u32>,
    /// Streams at once on an HTTP/2 connection. Default 100.
    pub streams: Option<u16>,
    /// What a client may do to an HTTP/2 connection before it is closed.
    #[serde(default)]
    pub http2: Http2Limits,
}

/// What a client may do to an HTTP/2 connection before it is closed with `ENHANCE_YOUR_CALM`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Http2Limits {
    /// Streams that the client reset before the gateway had taken them up. Default 20.
    pub pending_resets: Option<u16>,
    /// Streams that the gateway reset for an error of the client's, over the connection's life. Default 1024.
    pub stream_errors: Option<u16>,
}

/// How often a caller may call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RateLimit {
    /// The name that routes refer to. Routes that name the same limit share its budgets.
    pub name: String,
    /// How many requests a caller may make in the time of `per`.
    pub requests: u32,
    /// The time, such as `1s` or `1m`.
    pub per: String,
    /// How many of them may come at once. Default: all of them.
    pub burst: Option<u32>,
    /// Who is one caller, by the verified token: its `application`, `user` or `tenant`; or the `address`. What a token
    /// doesn't have is made up for by what it has, and without a token by the address.
    pub key: RateLimitKey,
}

/// Who is one caller.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RateLimitKey {
    /// The token's application.
    Application,
    /// The token's user.
    User,
    /// The token's tenant.
    Tenant,
    /// The client's address; of IPv6 the network of 64 bits.
    Address,
}

/// Deadlines on the client side.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Timeouts {
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
pub(in crate::config) struct TokenCache {
    /// How much memory its tokens may take, in bytes; 0 turns it off. Default 268435456.
    pub max_bytes: Option<u64>,
}

/// What refusals say beyond the rule itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Refusals {
    /// The value of the `Request-Context` header, as Partner Center sends one. Absent: no such header.
    pub request_context: Option<String>,
    /// The base address of the page that explains each reason. Absent: no link.
    pub documentation: Option<String>,
    /// The `source` of the refusal's body. Default `gateway`.
    pub source: Option<String>,
    /// Whether answers in report mode say, in `MFA-Report`, what enforcement would have done. Default `true`.
    pub report_header: Option<bool>,
    /// What callers are told of what was expected: `mfa`, or `all` for issuers and audiences too. Default `mfa`.
    #[serde(default)]
    pub expected: Told,
}

/// What callers are told of what was expected.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Told {
    /// What proves MFA, to callers whose token is valid.
    #[default]
    Mfa,
    /// The accepted issuers and audiences too, to anybody whose token is of none of them.
    All,
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Log {
    /// `text` or `json`. Default `text`.
    #[serde(default)]
    pub format: LogFormat,
    /// The level, or a filter as `info,mfa_gateway::jwks=debug`. Default `info`.
    pub level: Option<String>,
    /// Which decisions are logged, one line each: `all`, `denied` or `none`. Default `denied`.
    #[serde(default)]
    pub decisions: LogDecisions,
    /// Where decisions go, as JSON lines: `stdout`, `stderr` or a file's path. Absent: into the log.
    pub decision_output: Option<String>,
    /// Where requests are logged when they have ended, as JSON lines: `stdout`, `stderr` or a file's path. Absent: nowhere.
    pub access_output: Option<String>,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum LogDecisions {
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
pub(in crate::config) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
