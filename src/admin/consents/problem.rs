//! Why something was not done with a consent (RFC 9457).

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use mfa_gateway_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::described;
use crate::admin::respond::PROBLEM;
use crate::consent::{GiveError, TokenError};

/// Why something was not done.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct ConsentProblem {
    /// A short summary.
    title: &'static str,
    /// The status.
    status: u16,
    /// What happened.
    detail: String,
    /// The stable name.
    reason: &'static str,
    /// What to do about it.
    remedy: &'static str,
}

impl ConsentProblem {
    fn new(status: StatusCode, reason: &'static str, detail: String, remedy: &'static str) -> Self {
        Self { title: "The consent was not changed", status: status.as_u16(), detail, reason, remedy }
    }

    /// There is no such consent.
    pub(super) fn unknown() -> Self {
        let detail = "The configuration has no consent of this name.".to_owned();
        let remedy = "See `/consents` for their names, or add it to `consents`.";
        Self::new(StatusCode::NOT_FOUND, "no_such_consent", detail, remedy)
    }

    /// The configuration has no consents.
    pub(super) fn none() -> Self {
        let detail = "The configuration has no consents.".to_owned();
        Self::new(StatusCode::NOT_FOUND, "no_consents", detail, "Add `consents` and `consent_keys`, and reload.")
    }

    /// The store fails.
    #[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
    pub(super) fn store(error: StoreError) -> Self {
        tracing::warn!(kind = error.kind(), %error, "the store of consents failed an operator");
        let detail = "The store does not respond.".to_owned();
        let remedy = "Try again once the store can be reached; the diagnostics log says why it can't.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail, remedy)
    }
}

impl From<GiveError> for ConsentProblem {
    fn from(error: GiveError) -> Self {
        let status = match &error {
            passing if passing.is_passing() => StatusCode::SERVICE_UNAVAILABLE,
            GiveError::Malformed(_) | GiveError::Foreign => StatusCode::BAD_REQUEST,
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, error.code(), sentence(&error.to_string()), error.remedy())
    }
}

impl From<TokenError> for ConsentProblem {
    fn from(error: TokenError) -> Self {
        let status = if error.is_passing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
        Self::new(status, error.code(), sentence(&error.to_string()), error.remedy())
    }
}

/// The text as a sentence.
pub(in crate::admin) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| format!("{}{}.", first.to_uppercase(), chars.as_str())).unwrap_or_default()
}

impl IntoResponse for ConsentProblem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::CONFLICT);
        let text = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(CONTENT_TYPE, PROBLEM)], text).into_response()
    }
}

impl OperationOutput for ConsentProblem {
    type Inner = Self;

    fn operation_response(context: &mut GenContext, _: &mut Operation) -> Option<openapi::Response> {
        Some(described::response("Nothing was done", PROBLEM, context.schema.subschema_for::<Self>()))
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let problem =
            |code| Some((Some(openapi::StatusCode::Code(code)), Self::operation_response(context, operation)?));
        [404, 409].into_iter().filter_map(problem).collect()
    }
}
