//! What a script is responded with: a status that says whether to sign in, and an object that says why and where.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;
use serde::Serialize;

/// The object.
#[derive(Debug, Serialize)]
pub(super) struct ForScripts<'a> {
    /// The stable code, different for each kind of cause.
    pub(super) code: &'a str,
    /// The reason code of the decision, as in the log.
    pub(super) reason: &'a str,
    pub(super) description: &'a str,
    pub(super) remedy: &'a str,
    /// The path that a person opens to sign in, or to do MFA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sign_in: Option<String>,
    #[serde(rename = "requestId")]
    pub(super) request_id: &'a str,
}

impl ForScripts<'_> {
    /// The response. It has no challenge: a browser would ask for a password.
    pub(super) fn response(&self, status: StatusCode) -> Response<Body> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Body::full(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        response
    }
}
