//! What a page of another origin may do with a response or a refusal.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HOST, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use mfa_gateway_wire::Body;

use super::only::only;
use crate::routing::{Route, RouteTable};

/// What a page may do with the response to its request.
#[derive(Debug)]
pub(super) struct Grant {
    /// `Access-Control-Allow-Origin`; `None` if the page may not read the response.
    origin: Option<HeaderValue>,
    credentials: bool,
    expose: HeaderValue,
}

impl Grant {
    /// What a route grants to the page that asks; `None` if the route has no rule for pages of other origins.
    pub(super) fn of(route: &Route, headers: &HeaderMap) -> Option<Box<Self>> {
        Self::to(route, || only(headers, &ORIGIN))
    }

    fn to<'h>(route: &Route, page: impl FnOnce() -> Option<&'h HeaderValue>) -> Option<Box<Self>> {
        let cors = route.cors.as_ref()?;
        let origin = page().and_then(|page| cors.grant(page));
        Some(Box::new(Self { origin, credentials: cors.credentials, expose: cors.expose.clone() }))
    }

    /// Puts the fields into a response, in place of the upstream's.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        remove_all(headers);
        vary(headers, "Origin");
        let Some(origin) = &self.origin else { return };
        allow(headers, origin, self.credentials);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.clone());
    }
}

/// The page that made a request, and what it asked for: kept for a refusal before the route is known, where any route has
/// a rule for pages of other origins.
#[derive(Debug)]
pub(super) struct Page {
    origin: HeaderValue,
    method: Method,
    host: String,
    path: String,
}

impl Page {
    /// The page that made a request, if one did.
    pub(super) fn of(request: &Request<Body>, routes: &RouteTable) -> Option<Box<Self>> {
        let origin = routes.is_for_pages().then(|| only(request.headers(), &ORIGIN)).flatten()?.clone();
        let field = || only(request.headers(), &HOST).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(Authority::as_str).or_else(field).unwrap_or_default().to_owned();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        Some(Box::new(Self { origin, method, host, path }))
    }

    /// What the route of its request grants to it, if there is one.
    pub(super) fn grant(&self, routes: &RouteTable) -> Option<Box<Grant>> {
        Grant::to(routes.find_for(&self.host, &self.path, &self.method).ok()?, || Some(&self.origin))
    }
}

pub(super) fn allow(headers: &mut HeaderMap, origin: &HeaderValue, credentials: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    if credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Removes what the upstream says about pages of other origins.
fn remove_all(headers: &mut HeaderMap) {
    let is_cors = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    while let Some(name) = headers.keys().find(is_cors).cloned() {
        headers.remove(name);
    }
}

/// Adds a name to `Vary`, unless it is there.
fn vary(headers: &mut HeaderMap, name: &'static str) {
    let named = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default();
        names.split(',').any(|one| one.trim() == "*" || one.trim().eq_ignore_ascii_case(name))
    };
    if !headers.get_all(VARY).iter().any(named) {
        headers.append(VARY, HeaderValue::from_static(name));
    }
}
