//! Why sessions were not ended, and what was done all the same.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::described;
use crate::admin::refused::Refused;
use crate::admin::respond::{Json, PROBLEM};

/// The store did not take it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct EndOwed {
    /// A short summary.
    title: &'static str,
    /// 503.
    status: u16,
    /// What was done, and what was not.
    detail: &'static str,
    /// `store_unavailable`.
    reason: &'static str,
    /// Whether the sessions have ended for this process.
    pub(super) ended_here: bool,
    /// Whether this process tells the store, and so the other replicas, once it can be reached.
    pub(super) owed: bool,
}

/// Why sessions have not ended everywhere.
#[derive(Debug)]
pub(in crate::admin) enum NotEnded {
    /// Nothing was done.
    Refused(Refused),
    /// The store did not take it.
    Owed(EndOwed),
}

impl EndOwed {
    pub(super) fn new(ended_here: bool) -> Self {
        let detail = if ended_here {
            "They have ended for this process. Other replicas learn of it once the store can be reached."
        } else {
            "Which sessions these are, only the store knows. They end once it can be reached."
        };
        let status = StatusCode::SERVICE_UNAVAILABLE.as_u16();
        let title = "The store of sessions does not respond.";
        Self { title, status, detail, reason: "store_unavailable", ended_here, owed: true }
    }
}

impl NotEnded {
    /// The same for a page: the status, what happened, and the remedy.
    pub(in crate::admin) fn told(&self) -> (StatusCode, String, String) {
        match self {
            Self::Refused(refused) => refused.told(),
            Self::Owed(owed) => (StatusCode::SERVICE_UNAVAILABLE, owed.title.to_owned(), owed.detail.to_owned()),
        }
    }
}

impl IntoResponse for NotEnded {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::Owed(owed) => {
                (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, PROBLEM)], Json(owed)).into_response()
            }
        }
    }
}

impl OperationOutput for NotEnded {
    type Inner = Self;

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let refused = Refused::operation_response(context, operation);
        let schema = context.schema.subschema_for::<EndOwed>();
        let owed = described::response("The store does not respond; what was done all the same", PROBLEM, schema);
        let responses = [(404, refused), (503, Some(owed))].into_iter();
        responses.filter_map(|(code, response)| Some((Some(openapi::StatusCode::Code(code)), response?))).collect()
    }
}
