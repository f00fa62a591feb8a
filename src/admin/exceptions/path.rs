//! The exception, and the evidence, that a path names.

use std::sync::Arc;

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;

use crate::admin::context::Admin;
use crate::admin::refused::Refused;

/// The exception that a path names.
#[derive(Debug, JsonSchema)]
pub(in crate::admin) struct ExceptionPath {
    /// The exception's id.
    pub(super) id: String,
}

/// The evidence that a path names.
#[derive(Debug, JsonSchema)]
pub(in crate::admin) struct EvidencePath {
    /// The exception's id.
    pub(super) id: String,
    /// The number of the evidence, from 1.
    pub(super) number: i64,
}

/// The part of a path, decoded. Ids of the configuration hold any character.
fn segment(parts: &Parts, at: usize) -> String {
    let segment = parts.uri.path().split('/').nth(at).unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

impl FromRequestParts<Arc<Admin>> for ExceptionPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        Ok(Self { id: segment(parts, 2) })
    }
}

impl FromRequestParts<Arc<Admin>> for EvidencePath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        // No evidence has the number 0.
        Ok(Self { id: segment(parts, 2), number: segment(parts, 4).parse().unwrap_or_default() })
    }
}

impl OperationInput for ExceptionPath {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<Self>(context, operation);
    }

    fn inferred_early_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        not_found(context, operation)
    }
}

impl OperationInput for EvidencePath {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<Self>(context, operation);
    }

    fn inferred_early_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        not_found(context, operation)
    }
}

fn describe<T: JsonSchema>(context: &mut GenContext, operation: &mut Operation) {
    let schema = context.schema.root_schema_for::<T>();
    let parameters = parameters_from_schema(context, schema, ParamLocation::Path);
    add_parameters(context, operation, parameters);
}

fn not_found(
    context: &mut GenContext,
    operation: &mut Operation,
) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
    let refused = Refused::operation_response(context, operation);
    refused.map(|response| (Some(openapi::StatusCode::Code(404)), response)).into_iter().collect()
}
