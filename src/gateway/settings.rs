//! The limits on requests, and how often callers may call.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::Assertions;

/// The limits on requests, and the trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The networks of proxies whose forwarding fields are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The request target, in bytes.
    pub url_bytes: usize,
    /// The number of header fields.
    pub headers: usize,
    /// A request's body, in bytes.
    pub body_bytes: Option<u64>,
    /// How long a client that sends a body may make no progress.
    pub body_timeout: Duration,
    /// Requests in flight at once.
    pub requests: usize,
    /// The fields that hold claims of tokens, and that no client may send.
    pub claim_fields: Vec<HeaderName>,
    /// What signs the assertions for upstreams that get them.
    pub assertions: Option<Arc<Assertions>>,
}

/// How often a caller may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitSettings {
    /// The limit's name.
    pub name: String,
    /// The time after which one more request is allowed.
    pub interval: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
    /// Who is one caller.
    pub key: RateLimitKey,
}

/// Who is one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// The token's application.
    Application,
    /// The token's user.
    User,
    /// The token's tenant.
    Tenant,
    /// The client's address.
    Address,
}
