//! A route: its paths, what responds there, and its requirements.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;

use super::{ConsentUse, Cors, FieldEdits, HostPattern, Pattern, Rewrite, SessionUse, TokenPlace};
use mfa_gateway_core::policy::{Dialect, Rule};

/// The upstream that serves a route: its index in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamId(pub usize);

/// What responds to the requests that a route permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Responder {
    /// An upstream.
    Upstream(UpstreamId),
    /// The gateway itself, with its status report about these tenants.
    StatusReport(ReportedTenants),
    /// The gateway itself, with access tokens of consents.
    TokenBroker,
    /// Nobody here: the route is for requests that other proxies carry.
    Authorizers,
    /// The gateway itself, which receives security events.
    SecurityEvents,
}

/// Whom a status report that a route serves is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedTenants {
    /// The caller's tenant, at the caller's issuer.
    Own,
    /// These tenants, at whichever issuer.
    Only(BTreeSet<String>),
    /// All tenants.
    All,
}

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
    /// The hosts it is for. If empty: all that other routes name, or all hosts if none names any.
    pub hosts: Vec<HostPattern>,
    /// The methods it matches; all if absent.
    pub methods: Option<Vec<Method>>,
    /// The rule that a caller has to meet.
    pub rule: Rule,
    /// What responds to the requests that it permits.
    pub responder: Responder,
    /// The dialect of its refusals, if the route sets it.
    pub dialect: Option<Dialect>,
    /// The maximum length of a request's body, if the route sets it.
    pub body_bytes: Option<u64>,
    /// Where the metadata is of the resource that it is a part of, if that is served.
    pub metadata: Option<Arc<str>>,
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
    /// How it takes sessions, if it does.
    pub sessions: Option<SessionUse>,
    /// The consent whose access tokens its upstream receives, if it uses one.
    pub consent: Option<Box<ConsentUse>>,
    /// What changes in the header fields of requests.
    pub request_fields: Option<Box<FieldEdits>>,
    /// What changes in the header fields of the upstream's responses.
    pub response_fields: Option<Box<FieldEdits>>,
    /// Whether what streams ends when the token expires.
    pub close_at_expiry: bool,
    /// What becomes of the path on its way to the upstream, if it changes.
    pub rewrite: Option<Box<Rewrite>>,
    /// The patterns below it, which its table finds: the decision log names them.
    pub narrower: Arc<[String]>,
    /// Which segment of a path names the customer, by the number of segments before it.
    pub customer_at: Option<usize>,
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
            hosts: Vec::new(),
            methods: None,
            responder: Responder::Upstream(UpstreamId(0)),
            dialect: None,
            body_bytes: None,
            metadata: None,
            rate_limit: None,
            forward_authorization: true,
            forward_encoded: false,
            cors: None,
            token_from: TokenPlace::default(),
            sessions: None,
            consent: None,
            request_fields: None,
            response_fields: None,
            close_at_expiry: false,
            rewrite: None,
            narrower: Arc::default(),
            customer_at: None,
        }
    }

    /// The customer that a path of this route names, as it is written there.
    #[must_use]
    pub fn customer<'p>(&self, path: &'p str) -> Option<&'p str> {
        segment(path, self.customer_at?)
    }

    /// The upstream that serves it, unless the gateway itself or a backend of another proxy does.
    #[must_use]
    pub fn upstream(&self) -> Option<UpstreamId> {
        match self.responder {
            Responder::Upstream(upstream) => Some(upstream),
            Responder::StatusReport(_)
            | Responder::TokenBroker
            | Responder::SecurityEvents
            | Responder::Authorizers => None,
        }
    }

    /// The credential that it takes, as the configuration writes it.
    #[must_use]
    pub fn credential(&self) -> &'static str {
        match self.sessions {
            None => "bearer",
            Some(usage) if usage.or_token => "either",
            Some(_) => "session",
        }
    }

    /// Whether a request can be judged by this credential: `bearer` or `session`.
    #[must_use]
    pub fn takes(&self, credential: &str) -> bool {
        let own = self.credential();
        own == "either" || own == if credential == "session" { "session" } else { "bearer" }
    }

    /// Whether it is for every host that some route names.
    pub(crate) fn is_of_every_host(&self) -> bool {
        self.hosts.is_empty() || self.hosts.contains(&HostPattern::Any)
    }

    /// Whether some host has both routes.
    pub(crate) fn shares_host(&self, other: &Self) -> bool {
        self.is_of_every_host() || other.is_of_every_host() || self.hosts.iter().any(|host| other.hosts.contains(host))
    }

    /// Whether the route matches the method.
    pub(crate) fn admits_method(&self, method: &Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            // HEAD is GET without a body (RFC 9110 section 9.3.2).
            methods.contains(method) || (*method == Method::HEAD && methods.contains(&Method::GET))
        })
    }
}

/// The segment of a path that has so many before it.
#[must_use]
pub fn segment(path: &str, before: usize) -> Option<&str> {
    // Before the first segment, there is a slash.
    path.split('/').nth(before + 1)
}
