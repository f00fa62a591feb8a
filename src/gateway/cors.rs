//! CORS: which pages of other origins may read a route's responses, refusals included.
//!
//! The route and the method that a page wants to use decide about its preflight. The gateway responds to it without a
//! token: browsers send none with it. Nothing of a preflight reaches an upstream. On such a route, the gateway's fields
//! replace the upstream's.
//!
//! tower-http's `CorsLayer` doesn't fit: it takes every `OPTIONS` request for a preflight, and decides before there is
//! a route; and it decorates responses, while refusals pass through this stack as errors and become responses
//! outside of it.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use mfa_gateway_wire::Body;

use super::Rejection;
use super::grant::{Grant, allow};
use super::only::only;
use super::pipeline::Sanitized;
use super::tally::Outcome;
use crate::routing::{AllowedHeaders, Cors};

static REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
static ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The most header fields that a page may ask for on a route that allows all.
const MAX_ASKED: usize = 64;

/// Waits for the response or the refusal, and lets the page read it as granted.
pub(super) async fn decorate(
    grant: Box<Grant>,
    answer: impl Future<Output = Result<Response<Body>, Rejection>>,
) -> Result<Response<Body>, Rejection> {
    match answer.await {
        Ok(mut response) => {
            grant.write(response.headers_mut());
            Ok(response)
        }
        Err(rejection) => Err(rejection.readable(Some(grant))),
    }
}

/// The response to a preflight, if the request is one and its route has a rule for pages of other origins.
pub(super) fn preflight(sanitized: &Sanitized) -> Option<Response<Body>> {
    let (request, live) = (&sanitized.exchange.request, &sanitized.exchange.live);
    let (origin, method) = asked(request)?;
    let question = sanitized.question();
    if question.target.len() > live.edge.url_bytes {
        return None;
    }
    let route = live.judge.routes.find_for(question.host, question.path(), &method).ok()?;
    let response = answer(route.cors.as_ref()?, request.headers(), origin);
    let outcome = Outcome::of_preflight(Arc::clone(route));
    Some(response.map(|body| body.carrying(outcome)))
}

/// The origin and the method that a preflight is about. A request with a body is none (Fetch, CORS-preflight fetch).
fn asked(request: &Request<Body>) -> Option<(&HeaderValue, Method)> {
    if *request.method() != Method::OPTIONS || !request.body().is_end_stream() {
        return None;
    }
    let method = only(request.headers(), &ACCESS_CONTROL_REQUEST_METHOD)?;
    Some((only(request.headers(), &ORIGIN)?, Method::from_bytes(method.as_bytes()).ok()?))
}

fn answer(cors: &Cors, asked: &HeaderMap, origin: &HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    let Some(origin) = cors.grant(origin) else { return response };
    allow(headers, &origin, cors.credentials);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, cors.methods.clone());
    let allowed = match &cors.headers {
        AllowedHeaders::Listed(names) => Some(names.clone()).filter(|names| !names.is_empty()),
        AllowedHeaders::Any => names(asked),
    };
    if let Some(names) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    if let Some(seconds) = &cors.max_age {
        headers.insert(ACCESS_CONTROL_MAX_AGE, seconds.clone());
    }
    if cors.private_network && only(asked, &REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
        headers.insert(&ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    response
}

/// The names that a preflight asks for, written anew. `None` if there are none, too many, or one is no name.
fn names(asked: &HeaderMap) -> Option<HeaderValue> {
    let list = only(asked, &ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?;
    let names = list.split(',').map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
    let names: Vec<HeaderName> = names.take(MAX_ASKED + 1).collect::<Option<_>>()?;
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).ok().filter(|_| names.len() <= MAX_ASKED)
}
