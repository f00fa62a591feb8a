//! How answers are made.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use mfa_gateway_wire::Body;

/// The media type of what went wrong (RFC 9457).
pub(super) const PROBLEM: &str = "application/problem+json";

/// 200 with this JSON.
pub(super) fn json(body: &impl Serialize) -> Response<Body> {
    json_of(StatusCode::OK, "application/json", body)
}

/// This status with this JSON.
pub(super) fn json_of(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(mut text) => {
            text.push(b'\n');
            typed(status, media_type, text)
        }
        // Our own types have string keys and no float that isn't a number.
        Err(_) => typed(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", Vec::new()),
    }
}

/// This status with this content.
pub(super) fn typed(status: StatusCode, media_type: &'static str, content: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::full(content));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
