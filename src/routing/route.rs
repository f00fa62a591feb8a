//! A route: what is served, where, and on which terms.

use http::Method;

use super::Pattern;
use mfa_gateway_core::policy::{Dialect, Rule};

/// Which upstream serves a route: its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub usize);

/// Which rate limit holds for a route: its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateLimitId(pub usize);

/// Which route it is: its place in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteId(pub usize);

/// A route: the paths it matches, and what it requires.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its place in its table, which gives it.
    pub id: RouteId,
    /// The paths it is for.
    pub pattern: Pattern,
    /// The methods it is for; all if absent.
    pub methods: Option<Vec<Method>>,
    /// What a caller has to meet.
    pub rule: Rule,
    /// Who serves it.
    pub upstream: UpstreamId,
    /// How callers are refused, if the route says so.
    pub dialect: Option<Dialect>,
    /// How long a request's body may be, if the route says so.
    pub body_bytes: Option<u64>,
    /// How often callers may call, if the route says so.
    pub rate_limit: Option<RateLimitId>,
    /// Whether the upstream gets the caller's token.
    pub forward_authorization: bool,
}

impl Route {
    /// A route of this pattern with this rule, and the defaults for everything else.
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
        }
    }

    /// Whether the route is for the method.
    pub(crate) fn admits_method(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            // HEAD is GET without a body (RFC 9110 section 9.3.2).
            methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET))
        })
    }
}
