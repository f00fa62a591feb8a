//! The metrics of the process.

use std::sync::Arc;

use aide::axum::IntoApiResponse;
use axum::extract::State;
use http::header::CONTENT_TYPE;

use super::context::Admin;
use super::pieces::Pieces;
use super::refused::Refused;
use crate::gateway::{Reason, Rejection};

/// All metrics, with ages as of now. They are written on a thread apart, in pieces: a probe doesn't wait for those of ten
/// thousand routes, and they are never in memory all at once.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> Result<impl IntoApiResponse, Refused> {
    let turn = Arc::clone(&admin.metrics.turns).acquire_owned().await;
    let turn = turn.map_err(|error| Rejection::new(Reason::Overloaded).because(error))?;
    let (mut pieces, body) = Pieces::new();
    tokio::task::spawn_blocking(move || {
        let live = admin.live.load_full();
        live.observe();
        // An error says that the reader has left.
        let written = admin.metrics.write(&mut pieces, live.clock.now(), admin.readiness.phase());
        let _ = written.and_then(|()| pieces.finish());
        drop(turn);
    });
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], body))
}
