//! A refusal, before it becomes bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Response, StatusCode};

use super::broker::ConsentFault;
use super::grant::Grant;
use super::metrics::Limit;
use crate::routing::{Route, TokenPlace};
use mfa_gateway_core::policy::{Denial, Dialect, Proof, Rule};
use mfa_gateway_layer::{Preview, Refusal};
use mfa_gateway_wire::{Body, BoxError};

/// Why a request gets no response from the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rule refuses it.
    Denied(Denial),
    /// It can be read differently by different servers. The text names the rule.
    Malformed(&'static str),
    /// Its path can be read differently by different servers.
    Path(PathFault),
    /// Its target is longer than the configuration allows.
    UriTooLong,
    /// Its head is larger than the configuration allows.
    HeadTooLarge,
    /// It has a cookie for a token, and a page of another origin may have made it.
    CrossOrigin,
    /// It has an expectation that the gateway doesn't support.
    ExpectationFailed,
    /// It asks for a `WebSocket` of an unknown version.
    WebSocketVersion,
    /// No route names its host, or its connection is for another one.
    Misdirected,
    /// No route matches its path.
    NotFound,
    /// The path's routes are for these methods.
    MethodNotAllowed(Vec<Method>),
    /// Its body made no progress, or broke off.
    BodyIncomplete,
    /// Its body is longer than the configuration allows.
    BodyTooLarge,
    /// Too many requests are in flight.
    Overloaded,
    /// Its caller calls too often, and may again after so many seconds.
    RateLimited(u64),
    /// The upstream could not be reached, or broke off.
    UpstreamFailed,
    /// The upstream took too long.
    UpstreamTimeout,
    /// The upstream switched protocols unasked.
    UnexpectedUpgrade,
    /// A consent gives its caller nothing.
    Consent(Box<ConsentFault>),
    /// A refusal that another surface words itself.
    Told(&'static Notice),
}

/// The rule of path safety that a path breaks, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFault {
    /// The rule and the place, in one sentence. It repeats nothing of the path.
    pub text: String,
    /// Whether a route may forward such paths.
    pub optional: bool,
}

/// A refusal in a surface's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its status.
    pub status: StatusCode,
    /// Its stable reason code.
    pub code: &'static str,
    /// The description, in one sentence.
    pub description: &'static str,
    /// The remedy.
    pub remedy: &'static str,
}

/// The rule of no route that decided, or the customer that the request is about. They stand behind one pointer: refusals are
/// moved a lot.
#[derive(Debug)]
enum Subject {
    Rule(Arc<Rule>),
    Customer(String),
}

/// A refusal: its reason, and the facts needed to word it.
#[derive(Debug)]
pub struct Rejection {
    pub(crate) reason: Reason,
    pub(super) route: Option<Arc<Route>>,
    pub(super) proof: Option<Arc<Proof>>,
    pub(super) preview: Preview,
    pub(super) cause: Option<BoxError>,
    /// What a page of another origin may do with it.
    pub(super) grant: Option<Box<Grant>>,
    subject: Option<Box<Subject>>,
    dialect: Option<Dialect>,
    /// The response, where a browser gets another one than a program.
    browser: Option<Box<Mutex<Response<Body>>>>,
    in_browser: bool,
}

impl Rejection {
    /// A refusal for this reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        let preview = Preview::default();
        let (route, proof, cause, grant, subject, dialect) = (None, None, None, None, None, None);
        Self { reason, route, proof, preview, cause, grant, subject, dialect, browser: None, in_browser: false }
    }

    /// The same, with the response that a browser gets.
    pub(super) fn in_browser(self, response: Response<Body>) -> Self {
        // A body can't be shared between threads, and errors must.
        Self { browser: Some(Box::new(Mutex::new(response))), in_browser: true, ..self }
    }

    /// Whether a browser gets another response than a program.
    pub(super) fn is_in_browser(&self) -> bool {
        self.in_browser
    }

    /// Takes the response that a browser gets.
    pub(super) fn take_browser(&mut self) -> Option<Response<Body>> {
        self.browser.take().map(|response| response.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, on a known route.
    #[must_use]
    pub(super) fn on(self, route: Arc<Route>) -> Self {
        Self { route: Some(route), ..self }
    }

    /// The same, for a page of another origin to read.
    #[must_use]
    pub(super) fn readable(self, grant: Option<Box<Grant>>) -> Self {
        Self { grant, ..self }
    }

    /// Where the route takes the token from, if that isn't `Authorization`.
    pub(super) fn place(&self) -> Option<&TokenPlace> {
        self.route.as_deref().map(|route| &route.token_from).filter(|place| **place != TokenPlace::Authorization)
    }

    /// The same, by a rule of no route.
    #[must_use]
    pub(crate) fn asked_by(self, rule: Arc<Rule>) -> Self {
        Self { subject: Some(Box::new(Subject::Rule(rule))), ..self }
    }

    /// The same, of a request about this customer.
    #[must_use]
    pub(super) fn about(self, customer: Option<&str>) -> Self {
        Self { subject: customer.map(|id| Box::new(Subject::Customer(id.to_owned()))), ..self }
    }

    /// The customer that the request is about.
    pub(super) fn customer(&self) -> Option<&str> {
        match self.subject.as_deref()? {
            Subject::Customer(customer) => Some(customer),
            Subject::Rule(_) => None,
        }
    }

    /// The same, for a known caller.
    #[must_use]
    pub(crate) fn with_proof(self, proof: Option<Arc<Proof>>) -> Self {
        Self { proof, ..self }
    }

    /// The rule that decided, if it was one.
    pub(super) fn rule(&self) -> Option<&Rule> {
        match self.subject.as_deref() {
            Some(Subject::Rule(rule)) => Some(rule),
            _ => self.route.as_deref().map(|route| &route.rule),
        }
    }

    /// How long ago the caller may have authenticated, by the rule that decided.
    pub(super) fn max_age(&self) -> Option<Duration> {
        Rule::max_age_by(self.rule(), self.proof.as_deref()?)
    }

    /// The same, with the preview that the caller asked for.
    #[must_use]
    pub(super) fn with_preview(self, preview: Preview) -> Self {
        Self { preview, ..self }
    }

    /// The same, with its cause: for the log, never for the client.
    #[must_use]
    pub(crate) fn because(self, cause: impl Into<BoxError>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The same, in this dialect regardless of route and issuer.
    #[must_use]
    pub(crate) fn worded(self, dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), ..self }
    }

    /// Its dialect: the route's, else the token's issuer's, else Partner Center's.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        let of_route = self.route.as_ref().and_then(|route| route.dialect);
        let of_issuer = || self.proof.as_ref().and_then(|proof| proof.issuer.dialect);
        self.dialect.or(of_route).or_else(of_issuer).unwrap_or(Dialect::PartnerCenter)
    }
}

impl Reason {
    /// The status: the client's mistakes are 4xx, ours and the upstream's 5xx, and ours are never 401.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Denied(denial) => Refusal::status_of(*denial),
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::Malformed(_) | Self::Path(_) => StatusCode::BAD_REQUEST,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::ExpectationFailed => StatusCode::EXPECTATION_FAILED,
            Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::UpstreamFailed | Self::UnexpectedUpgrade => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Consent(fault) => fault.status,
            Self::Told(notice) => notice.status,
        }
    }

    /// After how many seconds another try may succeed, if that is due to time alone.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Denied(denial) => Refusal::retry_after_of(*denial),
            Self::Overloaded => Some(1),
            Self::RateLimited(seconds) => Some(*seconds),
            Self::Consent(fault) => fault.retry_after(),
            _ => None,
        }
    }

    /// The limit that was hit, if it was one.
    pub(super) fn limit(&self) -> Option<Limit> {
        match self {
            Self::UriTooLong => Some(Limit::Url),
            Self::HeadTooLarge => Some(Limit::Head),
            Self::BodyTooLarge => Some(Limit::Body),
            Self::BodyIncomplete => Some(Limit::BodyTime),
            Self::Overloaded => Some(Limit::Requests),
            Self::RateLimited(_) => Some(Limit::Rate),
            _ => None,
        }
    }

    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code(),
            Self::Malformed(_) | Self::Path(_) => "malformed_request",
            Self::Consent(fault) => fault.code,
            Self::Told(notice) => notice.code,
            Self::UriTooLong => "uri_too_long",
            Self::HeadTooLarge => "head_too_large",
            Self::CrossOrigin => "cross_origin",
            Self::ExpectationFailed => "expectation_failed",
            Self::WebSocketVersion => "websocket_version",
            Self::Misdirected => "misdirected",
            Self::NotFound => "no_route",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::BodyIncomplete => "body_incomplete",
            Self::Overloaded => "overloaded",
            Self::BodyTooLarge => "body_too_large",
            Self::RateLimited(_) => "rate_limited",
            Self::UpstreamFailed | Self::UnexpectedUpgrade => "upstream_failed",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }
}
