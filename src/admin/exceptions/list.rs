//! Exceptions, listed and looked at.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::Asked;
use super::path::ExceptionPath;
use super::{exceptions, refused};
use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::exceptions::{Actor, Detail, Entry};

/// Exceptions: those of the configuration, then the others, newest request first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct ExceptionsAnswer {
    /// The exceptions.
    exceptions: Vec<Entry>,
    /// What `after` is for the next page; `null` on the last one.
    next: Option<String>,
}

/// Lists exceptions.
pub(in crate::admin) async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    asked: Asked,
) -> Result<Json<ExceptionsAnswer>, Refused> {
    let (exceptions, live) = (exceptions(&admin)?, admin.live.load_full());
    let wanted = asked.wanted().unwrap_or_default();
    let listed = exceptions.list(&actor, &wanted, &live.judge.waivers.exceptions).await;
    let listed = listed.map_err(|refusal| refused(refusal, &actor))?;
    let next = listed.next.map(|(requested, id)| format!("{requested}.{id}"));
    Ok(Json(ExceptionsAnswer { exceptions: listed.entries, next }))
}

/// Shows an exception with all its steps.
pub(in crate::admin) async fn one(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    ExceptionPath { id }: ExceptionPath,
) -> Result<Json<Detail>, Refused> {
    let (exceptions, live) = (exceptions(&admin)?, admin.live.load_full());
    let detail = exceptions.detail(&actor, &id, &live.judge.waivers.exceptions).await;
    detail.map(Json).map_err(|refusal| refused(refusal, &actor))
}
