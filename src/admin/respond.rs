//! How responses are made.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Serialize;

use super::described;

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

impl<T: JsonSchema> OperationOutput for Json<T> {
    type Inner = T;

    fn operation_response(context: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let schema = context.schema.subschema_for::<T>();
        let described = context.resolve_schema(&schema).get("description").and_then(|text| text.as_str());
        Some(described::response(described.unwrap_or_default(), "application/json", schema.clone()))
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let response = Self::operation_response(context, operation);
        response.map(|response| (Some(openapi::StatusCode::Code(200)), response)).into_iter().collect()
    }
}
