//! Health: whether the process runs, and whether it takes traffic.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::guard;
use super::issuers::IssuerState;
use super::readiness::Phase;
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
#[schemars(rename = "Readiness", deny_unknown_fields)]
pub(super) struct ReadinessAnswer {
    /// `ready`, `waiting for keys` or `draining`.
    #[schemars(extend("enum" = ["ready", "waiting for keys", "draining"]))]
    status: &'static str,
    /// The state of each issuer; absent if `admin.details` is `protected` and the client is not an operator, or the
    /// `Host` is foreign.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<IssuerState>>,
}

/// Whether the process runs.
pub(super) async fn alive(State(admin): State<Arc<Admin>>) -> Json<Liveness> {
    // Operators have a thread of their own; what matters is the one that serves. It fails only at the end.
    let _ = admin.serving.spawn(async {}).await;
    Json(Liveness { status: "alive" })
}

/// Whether the gateway is ready, and why, for those who may have details.
pub(super) async fn ready(State(admin): State<Arc<Admin>>, fields: HeaderMap) -> (StatusCode, Json<ReadinessAnswer>) {
    let state = admin.state.load_full();
    // Probes come with any host; a page whose name was rebound learns no more than they do.
    let known = guard::has_own_name(&fields, state.hosts());
    let details = known && (state.open_details() || state.access.authorize(&fields).await.is_ok());
    let phase = admin.readiness.phase();
    let code = if phase == Phase::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let issuers = details.then(|| admin.sources.load().iter().map(|source| IssuerState::of(source)).collect());
    (code, Json(ReadinessAnswer { status: phase.name(), issuers }))
}
