//! Answers over HTTP, in the form that each kind of proxy understands.
//!
//! Only 200 is understood everywhere as a permit, and some proxies take every 2xx for one. So a response without a permit
//! never has such a status, whatever it is for a client.

use ::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, LOCATION, RETRY_AFTER};
use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;

use super::asked::ORIGINAL_REFUSED;
use super::changes::Changes;
use super::{Kind, Settings};
use crate::gateway::Granted;

/// Tells Envoy which fields to remove from the request.
static TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The answer to an authorizer's question about a request with these fields.
pub(super) fn of(settings: &Settings, asked: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    let kind = settings.kind;
    let mut granted = response.extensions_mut().remove::<Granted>();
    if let (Some(granted), Some(assertions)) = (&mut granted, &settings.assertion) {
        granted.assert(assertions);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match granted {
        // The first refusal's reason is gone, but its client would take an empty 200 for the answer of the API.
        Some(_) if kind == Kind::Nginx && asked.contains_key(&ORIGINAL_REFUSED) => {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Some(granted) => permit(kind, asked, &granted, response.headers_mut()),
        None => refuse(kind, &mut response),
    }
    response
}

fn permit(kind: Kind, asked: &HeaderMap, granted: &Granted, answer: &mut HeaderMap) {
    for (name, value) in &granted.told {
        answer.insert(name, value.clone());
    }
    let token = granted.kept.get(AUTHORIZATION);
    if token != asked.get(AUTHORIZATION)
        && let Some(token) = token
    {
        answer.insert(AUTHORIZATION, token.clone());
    }
    if let Some(cookie) = granted.cookie.clone().filter(|_| asked.contains_key(COOKIE)) {
        answer.insert(COOKIE, cookie);
    }
    match kind {
        // Caddy 2.6 writes a placeholder where a field isn't sent.
        Kind::ForwardAuth => {
            for name in &granted.unset {
                answer.insert(name, HeaderValue::from_static(""));
            }
        }
        Kind::EnvoyHttp => {
            let remove = Changes::between(asked, granted).remove;
            let names = remove.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(",");
            if let Some(names) = HeaderValue::try_from(names).ok().filter(|names| !names.is_empty()) {
                answer.insert(&TO_REMOVE, names);
            }
        }
        Kind::Nginx | Kind::Envoy => {}
    }
}

fn refuse(kind: Kind, response: &mut Response<Body>) {
    let status = response.status();
    // nginx passes no redirect on, but the recipe's own does, by this field.
    if kind == Kind::Nginx && status.is_redirection() && response.headers().contains_key(LOCATION) {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    // Envoy takes exactly 200 for a permit, and passes on everything else, such as the answer to a preflight.
    let permits = if kind == Kind::EnvoyHttp { status == StatusCode::OK } else { status.is_success() };
    if permits || status.is_informational() {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
}
