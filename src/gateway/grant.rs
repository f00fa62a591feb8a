//! What a page of another origin may do with a response or a refusal.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::origin::only;
use crate::routing::Route;

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
        let cors = route.cors.as_ref()?;
        let origin = only(headers, &ORIGIN).and_then(|origin| cors.grant(origin));
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
