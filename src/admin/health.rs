//! Health: whether the process runs, and whether it takes traffic.
//!
//! Readiness is about having started: every issuer's keys have been loaded once. An issuer that goes down later must
//! not take the gateway out of service with it, unless it is the last one that had keys.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::issuers::IssuerState;
use super::respond::Json;

/// The process runs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Liveness {
    /// `alive`.
    #[schemars(extend("const" = "alive"))]
    status: &'static str,
}

/// Whether the gateway accepts traffic.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Readiness {
    /// `ready`, `waiting for keys` or `draining`.
    #[schemars(extend("enum" = ["ready", "waiting for keys", "draining"]))]
    status: &'static str,
    /// The state of each issuer; absent if `admin.details` is `protected` and the client is not an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<IssuerState>>,
}

/// Whether the process runs.
pub(super) async fn alive() -> Json<Liveness> {
    Json(Liveness { status: "alive" })
}

/// Whether the gateway is ready, and why, for those who may have details.
pub(super) async fn ready(State(admin): State<Arc<Admin>>, fields: HeaderMap) -> (StatusCode, Json<Readiness>) {
    let state = admin.state.load_full();
    let details = state.open_details() || state.access.authorize(&fields).await.is_ok();
    let sources = admin.sources.load();
    if sources.iter().all(|source| source.status().had_keys) {
        admin.started.store(true, Ordering::Relaxed);
    }
    // An issuer that a reload adds doesn't take away what works already.
    let started = admin.started.load(Ordering::Relaxed);
    let usable = sources.is_empty() || sources.iter().any(|source| source.current().is_some());
    let (code, status) = if admin.draining.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if !started || !usable {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for keys")
    } else {
        (StatusCode::OK, "ready")
    };
    let issuers = details.then(|| sources.iter().map(|source| IssuerState::of(source)).collect());
    (code, Json(Readiness { status, issuers }))
}
