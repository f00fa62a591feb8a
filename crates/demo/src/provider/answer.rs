//! The few kinds of response that the demo's services give.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use url::Url;

/// A whole response.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A response of these bytes.
pub(crate) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    with_header(answer, CONTENT_TYPE, content_type)
}

/// A JSON response, laid out for people who read it in a terminal.
pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    bytes(status, "application/json", format!("{value:#}\n"))
}

/// A redirect that is always followed with `GET` (RFC 9700 §4.12) and kept by nobody.
pub(crate) fn see_other(location: &Url) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    // A serialised URL is ASCII without control characters, so this conversion holds.
    if let Ok(location) = HeaderValue::from_str(location.as_str()) {
        answer.headers_mut().insert(LOCATION, location);
    }
    with_header(answer, CACHE_CONTROL, "no-store")
}

/// 404: there is nothing here.
pub(crate) fn not_found() -> Answer {
    json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }))
}

/// 405, naming the methods that are allowed.
pub(crate) fn method_not_allowed(allow: &'static str) -> Answer {
    let answer = json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "method_not_allowed" }));
    with_header(answer, ALLOW, allow)
}

/// The same response with one more header.
pub(crate) fn with_header(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
