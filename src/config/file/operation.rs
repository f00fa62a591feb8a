//! Bounds, deadlines, refusals and the log.

use schemars::JsonSchema;
use serde::Deserialize;

/// Upper bounds on what a client may send or hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Limits {
    /// The maximum size of a request's header section, in bytes. Default 32768.
    pub header_bytes: Option<u32>,
    /// The maximum number of header fields. Default 100.
    pub headers: Option<u16>,
    /// The maximum length of the request target, in bytes. Default 8192.
    pub url_bytes: Option<u16>,
    /// The maximum size of a token, in bytes. Default 16384.
    pub token_bytes: Option<u32>,
    /// The maximum length of a request's body, in bytes; a longer body gets 413. Default: no limit, since bodies are
    /// streamed.
    pub body_bytes: Option<u64>,
    /// The maximum number of client connections. Default 10000.
    pub connections: Option<u32>,
    /// The maximum number of client connections from one address, or one IPv6 /64 network; the gateway closes more. 0:
    /// no limit. Default 1000. Loopback and `trusted_proxies` are not limited.
    pub connections_per_address: Option<u32>,
    /// The maximum number of requests in flight; more get 503. Default 10000.
    pub requests: Option<u32>,
    /// The maximum number of concurrent streams on an HTTP/2 connection. Default 100.
    pub streams: Option<u16>,
    /// What a client may do to an HTTP/2 connection before it is closed.
    #[serde(default)]
    pub http2: Http2Limits,
}

/// What a client may do to an HTTP/2 connection before it is closed with `ENHANCE_YOUR_CALM`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Http2Limits {
    /// Streams that the client resets before the gateway processes them. Default 20.
    pub pending_resets: Option<u16>,
    /// Streams that the gateway resets because of a client error, over the life of the connection. Default 1024.
    pub stream_errors: Option<u16>,
}

/// A rate limit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RateLimit {
    /// The name that routes refer to. Routes that name the same limit share its budgets.
    pub name: String,
    /// The number of requests that a caller may make per `per`.
    pub requests: u32,
    /// The duration, such as `1s` or `1m`.
    pub per: String,
    /// How many of them may arrive at once. Default: all of them.
    pub burst: Option<u32>,
    /// What identifies one caller: the `application`, `user` or `tenant` of the verified token, or the client's
    /// `address`. If a token lacks that claim, another one of these identifies the caller; without a token, the address
    /// does.
    pub key: RateLimitKey,
}

/// What identifies one caller.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RateLimitKey {
    /// The token's application.
    Application,
    /// The token's user.
    User,
    /// The token's tenant.
    Tenant,
    /// The client's address; for IPv6, the /64 network.
    Address,
}

/// Deadlines for clients.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Timeouts {
    /// From a connection's start to the end of its first request's head. Default `10s`.
    pub header: Option<String>,
    /// How long a connection may be idle between requests. Default `75s`.
    pub idle: Option<String>,
    /// How long a client may make no progress in sending a body or reading a response. Default `60s`.
    pub body: Option<String>,
    /// How long a client that closed its half of an HTTP/1.1 connection may receive nothing of a response that has begun.
    /// Then it counts as gone. Default `1s`.
    pub half_closed: Option<String>,
    /// How long a connection may live before the gateway asks the client to finish, give or take a tenth. Absent: no
    /// limit.
    pub connection_age: Option<String>,
    /// How long requests in flight may continue after SIGTERM. Default `30s`.
    pub drain: Option<String>,
    /// How long the gateway still accepts new connections after SIGTERM, while readiness already fails, so that load
    /// balancers notice. Default `0s`.
    pub drain_delay: Option<String>,
}

/// The cache of verified tokens. Decisions are never cached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TokenCache {
    /// The maximum memory of the cached tokens, in bytes; 0 turns the cache off. Default 268435456.
    pub max_bytes: Option<u64>,
}

/// Optional content of refusals.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Refusals {
    /// The value of the `Request-Context` header field, as Partner Center sends it. Absent: the field is not sent.
    pub request_context: Option<String>,
    /// The base URL of the page that explains each reason code. Absent: no link.
    pub documentation: Option<String>,
    /// The `source` of the refusal's body. Default `gateway`.
    pub source: Option<String>,
    /// Whether responses in report mode say in `MFA-Report` what enforcement would have done. Default `true`.
    pub report_header: Option<bool>,
    /// Which expected values refusals show: `mfa`, or `all` for issuers and audiences too. Default `mfa`.
    #[serde(default)]
    pub expected: Told,
}

/// Which expected values refusals show.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Told {
    /// The proof of MFA, to callers whose token is valid.
    #[default]
    Mfa,
    /// Also the accepted issuers and audiences, to callers whose token matches none of them.
    All,
}

/// The logs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Log {
    /// `text` or `json`. Default `text`.
    #[serde(default)]
    pub format: LogFormat,
    /// The level of the diagnostics log, or a filter such as `info,mfa_gateway::jwks=debug`. Default `info`.
    pub level: Option<String>,
    /// Which decisions are logged, one line each: `all`, `denied` or `none`. Default `denied`.
    #[serde(default)]
    pub decisions: LogDecisions,
    /// Where the decision log goes, as JSON lines: `stdout`, `stderr` or a file's path. Absent: into the diagnostics
    /// log.
    pub decision_output: Option<String>,
    /// Where the access log goes, as JSON lines: `stdout`, `stderr` or a file's path. Absent: there is no access log.
    pub access_output: Option<String>,
    /// Where the token log goes, as JSON lines: who got an access token of which consent. Default: the diagnostics log.
    pub token_output: Option<String>,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum LogDecisions {
    /// Every decision.
    All,
    /// Denials, and permits on the grounds of report mode or an exception.
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
