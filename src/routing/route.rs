//! A route: its paths, its upstream, and its requirements.

use http::Method;

use super::{Cors, FieldEdits, Pattern, TokenPlace};
use mfa_gateway_core::policy::{Dialect, Rule};

/// The upstream that serves a route: its index in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub usize);

/// The rate limit that applies to a route: its index in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimitId(pub usize);

/// The identity of a route: its index in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteId(pub usize);

/// A route: the paths it matches, and what it requires.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its index in its table, which assigns it.
    pub id: RouteId,
    /// The paths it matches.
    pub pattern: Pattern,
    /// The methods it matches; all if absent.
    pub methods: Option<Vec<Method>>,
    /// The rule that a caller has to meet.
    pub rule: Rule,
    /// The upstream that serves it.
    pub upstream: UpstreamId,
    /// The dialect of its refusals, if the route sets it.
    pub dialect: Option<Dialect>,
    /// The maximum length of a request's body, if the route sets it.
    pub body_bytes: Option<u64>,
    /// How often callers may call, if the route sets it.
    pub rate_limit: Option<RateLimitId>,
    /// Whether the upstream receives the caller's token.
    pub forward_authorization: bool,
    /// Whether the upstream receives paths with forms that servers read differently, such as an encoded slash.
    pub forward_encoded: bool,
    /// What pages of other origins may do, if the route says so.
    pub cors: Option<Box<Cors>>,
    /// The place of a request that holds its token.
    pub token_from: TokenPlace,
    /// What changes in the header fields of requests.
    pub request_fields: Option<Box<FieldEdits>>,
    /// What changes in the header fields of the upstream's responses.
    pub response_fields: Option<Box<FieldEdits>>,
    /// Whether what streams ends when the token expires.
    pub close_at_expiry: bool,
}

impl Route {
    /// A route with this pattern, this rule, and the defaults for everything else.
    #[must_use]
    pub fn new(pattern: Pattern, rule: Rule) -> Self {
        Self {
            id: RouteId::default(),
            // Exceptions name routes by their pattern.
            rule: Rule { route: pattern.as_written().to_owned(), ..rule },
            pattern,
            methods: None,
            upstream: UpstreamId(0),
            dialect: None,
            body_bytes: None,
            rate_limit: None,
            forward_authorization: true,
            forward_encoded: false,
            cors: None,
            token_from: TokenPlace::default(),
            request_fields: None,
            response_fields: None,
            close_at_expiry: false,
        }
    }

    /// Whether the route matches the method.
    pub(crate) fn admits_method(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            // HEAD is GET without a body (RFC 9110 section 9.3.2).
            methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET))
        })
    }
}
