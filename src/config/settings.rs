//! The configuration as the gateway uses it: nothing in it is left to check.

use std::collections::BTreeSet;
use std::time::Duration;

use ipnet::IpNet;

use super::{Address, Admin, Issuer, RateLimit, Tls, Upstream};
use crate::routing::Route;
use crate::telemetry::{LogFormat, Output, TraceSettings};
use mfa_gateway_core::policy::Waivers;
use mfa_gateway_keys::KeySettings;

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses that take traffic.
    pub listeners: Vec<Listener>,
    /// The admin listener.
    pub admin: Option<Admin>,
    /// How many threads serve requests, if not one for each core.
    pub threads: Option<usize>,
    /// The networks of proxies whose forwarding fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The trusted issuers. Entra's are two each, one per token version.
    pub issuers: Vec<Issuer>,
    /// Where keys come from; issuers refer to them by place.
    pub keys: Vec<KeySettings>,
    /// The backends; routes refer to them by place.
    pub upstreams: Vec<Upstream>,
    /// How often callers may call; routes refer to them by place.
    pub rate_limits: Vec<RateLimit>,
    /// What is served.
    pub routes: Vec<Route>,
    /// The technical exceptions, and the stages of activation.
    pub waivers: Waivers,
    /// Upper bounds on what a client may send or hold.
    pub limits: Limits,
    /// Deadlines on the client side.
    pub timeouts: Timeouts,
    /// How much memory the cache of verified tokens may take, in bytes.
    pub token_cache_bytes: u64,
    /// What refusals say beyond the rule.
    pub refusals: Refusals,
    /// What is logged.
    pub log: Log,
    /// Where traces go, if requests are traced.
    pub traces: Option<TraceSettings>,
    /// The file's content, with variables put in.
    pub document: serde_json::Value,
    /// What is valid and hardly wanted, each with its place and what to do about it.
    pub warnings: Vec<String>,
}

/// An address that takes traffic.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address.
    pub address: Address,
    /// Its TLS.
    pub tls: Option<Tls>,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: bool,
}

/// Upper bounds on what a client may send or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A header section, in bytes.
    pub header_bytes: usize,
    /// The number of header fields.
    pub headers: usize,
    /// The request target, in bytes.
    pub url_bytes: usize,
    /// A token, in bytes.
    pub token_bytes: usize,
    /// A request's body, in bytes.
    pub body_bytes: Option<u64>,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: Option<usize>,
    /// Requests in flight at once.
    pub requests: usize,
    /// Streams at once on an HTTP/2 connection.
    pub streams: u32,
    /// Streams of an HTTP/2 connection that its client may reset before they are taken up.
    pub pending_resets: usize,
    /// Streams of an HTTP/2 connection that may be reset for errors of its client.
    pub stream_errors: usize,
}

/// Deadlines on the client side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To the end of the first request's head.
    pub header: Duration,
    /// Between requests.
    pub idle: Duration,
    /// Without progress of a client that sends a body or reads an answer.
    pub body: Duration,
    /// Until a connection is asked to finish.
    pub connection_age: Option<Duration>,
    /// For requests in flight after SIGTERM.
    pub drain: Duration,
    /// For new connections after SIGTERM.
    pub drain_delay: Duration,
}

/// What tokens are expected to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The accepted issuers, as `iss` names them.
    pub issuers: BTreeSet<String>,
    /// The accepted audiences.
    pub audiences: BTreeSet<String>,
}

/// What refusals say beyond the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// The `Request-Context` header.
    pub request_context: Option<http::HeaderValue>,
    /// The base address of the page that explains each reason.
    pub documentation: Option<String>,
    /// The `source` of the body.
    pub source: String,
    /// Whether answers in report mode say what enforcement would have done.
    pub report_header: bool,
    /// What callers are told of the tokens that are expected, if they are.
    pub expected: Option<Expected>,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form.
    pub format: LogFormat,
    /// The filter.
    pub filter: String,
    /// Which decisions are logged.
    pub decisions: LogDecisions,
    /// Where they go, if not into the log.
    pub decision_output: Option<Output>,
    /// Where answers are logged, if they are.
    pub access_output: Option<Output>,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDecisions {
    /// Every decision.
    All,
    /// Refusals, and permits by report mode or exception.
    Denied,
    /// None.
    None,
}
