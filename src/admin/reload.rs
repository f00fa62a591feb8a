//! A reload that an operator requests: it takes the same path as a signal and a changed file.

use std::sync::Arc;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::described;
use super::refused::Refused;
use super::respond::{Json, PROBLEM};
use crate::config::{ConfigError, Problem};
use crate::gateway::Notice;

const UNAVAILABLE: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "reload_unavailable",
    description: "This gateway was not started from a configuration file, or is draining.",
    remedy: "Start it with `serve --config FILE`.",
};

/// The new configuration is in use.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ReloadAnswer {
    /// `reloaded`.
    #[schemars(extend("const" = "reloaded"))]
    status: &'static str,
    /// The generation: 1 at the start, one more for each reload.
    generation: u64,
    /// The SHA-256 of its content.
    hash: String,
    /// When it was loaded (RFC 3339).
    loaded: String,
    /// The changes that take effect only after a restart.
    needs_restart: Vec<&'static str>,
    /// The warnings, as `check` shows them.
    warnings: Vec<String>,
}

/// The configuration is not valid; the old one stays.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ReloadRefused {
    /// A short summary.
    title: &'static str,
    /// 422.
    status: u16,
    /// The same text as `check` prints.
    detail: String,
    /// `configuration_invalid`.
    reason: &'static str,
    /// The problems in the file; empty if the cause is elsewhere.
    problems: Vec<FileProblem>,
}

/// A problem of the configuration file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct FileProblem {
    /// The line, counted from 1.
    line: Option<usize>,
    /// The column, counted from 1.
    column: Option<usize>,
    /// The field; empty for the file as a whole.
    field: String,
    /// What is wrong.
    message: String,
    /// How to fix it.
    fix: String,
}

impl From<&Problem> for FileProblem {
    fn from(problem: &Problem) -> Self {
        let (line, column) = problem.line_and_column().unzip();
        let (field, message, fix) = (problem.field.clone(), problem.message.clone(), problem.fix.clone());
        Self { line, column, field, message, fix }
    }
}

/// Why the configuration was not reloaded.
#[derive(Debug)]
pub(super) enum NotReloaded {
    /// Nobody can.
    Unavailable,
    /// It is not valid.
    Invalid(ReloadRefused),
}

impl IntoResponse for NotReloaded {
    fn into_response(self) -> Response {
        match self {
            Self::Unavailable => Refused::from(&UNAVAILABLE).into_response(),
            Self::Invalid(refused) => {
                (StatusCode::UNPROCESSABLE_ENTITY, [(CONTENT_TYPE, PROBLEM)], Json(refused)).into_response()
            }
        }
    }
}

impl OperationOutput for NotReloaded {
    type Inner = Self;

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let unavailable = Refused::operation_response(context, operation);
        let schema = context.schema.subschema_for::<ReloadRefused>();
        let invalid = described::response("The configuration is not valid; the old one stays in use", PROBLEM, schema);
        let responses = [(409, unavailable), (422, Some(invalid))].into_iter();
        responses.filter_map(|(code, response)| Some((Some(openapi::StatusCode::Code(code)), response?))).collect()
    }
}

impl From<anyhow::Error> for NotReloaded {
    fn from(error: anyhow::Error) -> Self {
        let problems = error.downcast_ref::<ConfigError>().map_or(&[][..], ConfigError::problems);
        Self::Invalid(ReloadRefused {
            title: "The configuration is not valid; the old one stays in use.",
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            detail: format!("{error:#}"),
            reason: "configuration_invalid",
            problems: problems.iter().map(FileProblem::from).collect(),
        })
    }
}

/// Has the configuration file read again.
pub(super) async fn reload(
    State(admin): State<Arc<Admin>>,
    // Kept to the end: hyper closes a connection whose request is dropped before the rest of it has come.
    _unread: Body,
) -> Result<Json<ReloadAnswer>, NotReloaded> {
    admin.reloads.ask().await.ok_or(NotReloaded::Unavailable)??;
    let state = admin.state.load();
    Ok(Json(ReloadAnswer {
        status: "reloaded",
        generation: state.generation,
        hash: state.hash(),
        loaded: state.loaded.to_string(),
        needs_restart: state.needs_restart.clone(),
        warnings: state.config.warnings.iter().map(ToString::to_string).collect(),
    }))
}
