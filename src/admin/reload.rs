//! A reload that an operator asks for: it takes the one way that a signal and a changed file take too.

use std::sync::{Arc, OnceLock};

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::respond::{PROBLEM, json, json_of};
use super::service::Admin;
use crate::config::{ConfigError, Problem};
use crate::gateway::{Notice, Reason, Rejection};
use mfa_gateway_wire::Body;

const UNAVAILABLE: Notice = Notice {
    status: StatusCode::CONFLICT,
    code: "reload_unavailable",
    description: "This gateway was not started from a configuration file, or is ending.",
    remedy: "Start it with `serve --config FILE`.",
};

/// What a reload came to: nothing, or why the old configuration stays.
pub(crate) type Reloaded = Result<(), anyhow::Error>;

/// Requests for a reload, on the side of the one who reloads.
pub(crate) type ReloadRequests = mpsc::Receiver<oneshot::Sender<Reloaded>>;

/// Asks whoever reloads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reloads(Arc<OnceLock<mpsc::Sender<oneshot::Sender<Reloaded>>>>);

impl Reloads {
    /// Begins to take requests. Only the first call does.
    pub(crate) fn serve(&self) -> ReloadRequests {
        let (sender, requests) = mpsc::channel(1);
        // Were there a second one, its requests would never come.
        let _ = self.0.set(sender);
        requests
    }

    async fn ask(&self) -> Option<Reloaded> {
        let (answer, answered) = oneshot::channel();
        self.0.get()?.send(answer).await.ok()?;
        answered.await.ok()
    }
}

/// The configuration was taken into use.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ReloadAnswer {
    /// `reloaded`.
    #[schemars(extend("const" = "reloaded"))]
    status: &'static str,
    /// How many configurations were taken into use, this one included.
    generation: u64,
    /// The SHA-256 of its content.
    hash: String,
    /// When it was loaded (RFC 3339).
    loaded: String,
    /// What of it counts only after a restart.
    needs_restart: Vec<&'static str>,
    /// What is valid and hardly wanted, as `check` shows it.
    warnings: Vec<String>,
}

/// The configuration is not valid; the old one stays.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ReloadRefused {
    /// What happened, in short.
    title: &'static str,
    /// 422.
    status: u16,
    /// The same text as `check` prints.
    detail: String,
    /// `configuration_invalid`.
    reason: &'static str,
    /// Each problem; empty if it is none of the file's.
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
    /// How to mend it.
    fix: String,
}

impl From<&Problem> for FileProblem {
    fn from(problem: &Problem) -> Self {
        let (line, column) = problem.line_and_column().unzip();
        let (field, message, fix) = (problem.field.clone(), problem.message.clone(), problem.fix.clone());
        Self { line, column, field, message, fix }
    }
}

impl Admin {
    /// Has the configuration file read again.
    pub(super) async fn reload(&self) -> Result<Response<Body>, Rejection> {
        let reloaded = self.reloads.ask().await.ok_or_else(|| Rejection::new(Reason::Told(&UNAVAILABLE)))?;
        if let Err(error) = reloaded {
            return Ok(refused(&error));
        }
        let state = self.state.load();
        Ok(json(&ReloadAnswer {
            status: "reloaded",
            generation: state.generation,
            hash: state.hash(),
            loaded: state.loaded.to_string(),
            needs_restart: state.needs_restart.clone(),
            warnings: state.config.warnings.clone(),
        }))
    }
}

fn refused(error: &anyhow::Error) -> Response<Body> {
    let problems = error.downcast_ref::<ConfigError>().map_or(&[][..], ConfigError::problems);
    let body = ReloadRefused {
        title: "The configuration is not valid; the old one stays.",
        status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
        detail: format!("{error:#}"),
        reason: "configuration_invalid",
        problems: problems.iter().map(FileProblem::from).collect(),
    };
    json_of(StatusCode::UNPROCESSABLE_ENTITY, PROBLEM, &body)
}
