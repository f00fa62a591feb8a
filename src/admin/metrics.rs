//! The metrics of the process.

use std::sync::Arc;

use aide::axum::IntoApiResponse;
use axum::extract::State;
use http::header::CONTENT_TYPE;

use super::context::Admin;
use super::refused::Refused;
use crate::gateway::{Reason, Rejection};

/// All metrics, with ages as of now.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> Result<impl IntoApiResponse, Refused> {
    let live = admin.live.load();
    live.observe();
    let text = admin.metrics.encode(live.clock.now(), admin.readiness.phase());
    let text = text.map_err(|error| Rejection::new(Reason::Overloaded).because(error))?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}
