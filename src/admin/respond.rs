//! How responses are made.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

/// The media type of what went wrong (RFC 9457).
pub(super) const PROBLEM: &str = "application/problem+json";

/// This as JSON, with a line's end for those who read it in a terminal.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut text) => {
                text.push(b'\n');
                ([(CONTENT_TYPE, "application/json")], text).into_response()
            }
            // Our own types have string keys and no float that isn't a number.
            Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()).into_response(),
        }
    }
}
