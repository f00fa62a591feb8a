//! A request for one of the gateway's own paths, as those who respond to it see it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use mfa_gateway_wire::Body;

use super::door::{Door, id};
use crate::gateway::Live;
use crate::pages::{Kind, Page};
use crate::session::OwnCookies;

/// A request for one of the gateway's own paths.
pub(super) struct OwnRequest<'r> {
    pub(super) door: &'r Door,
    pub(super) live: &'r Live,
    pub(super) method: &'r Method,
    pub(super) headers: &'r HeaderMap,
    pub(super) query: &'r str,
    pub(super) cookies: &'r OwnCookies,
    pub(super) request_id: &'r HeaderValue,
    pub(super) is_head: bool,
    /// The body, of a POST.
    pub(super) form: Option<Bytes>,
}

impl OwnRequest<'_> {
    /// A parameter of the query that stands there once.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        once(self.query.as_bytes(), name)
    }

    /// A field of the form that stands there once.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        once(self.form.as_deref()?, name)
    }

    /// A page for this request.
    pub(super) fn page(&self, kind: Kind) -> Page {
        Page::new(kind, id(self.request_id))
    }

    /// The page as a response.
    pub(super) fn respond(&self, page: &Page) -> Response<Body> {
        self.door.page(page, self.is_head)
    }
}

/// The value of a parameter that stands in a form once (`application/x-www-form-urlencoded`).
fn once(form: &[u8], name: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(form).filter(|(key, _)| key == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none()).map(Cow::into_owned)
}
