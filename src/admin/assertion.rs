//! The keys that signed assertions are verified with.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::context::Admin;
use super::refused::Refused;
use crate::gateway::Reason;

/// The key set, if anything is signed.
pub(super) async fn keys(State(admin): State<Arc<Admin>>) -> Response {
    match &admin.live.load().edge.assertions {
        Some(assertions) => assertions.published().map(axum::body::Body::from),
        None => Refused::from(Reason::NotFound).into_response(),
    }
}
