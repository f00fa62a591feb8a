//! Health and metrics.
//!
//! Readiness is about having started: every issuer's keys were had once. An issuer that goes down later must not take
//! the gateway out of service with it, unless it is the last one that had keys.

use std::sync::atomic::Ordering;

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::issuers::IssuerState;
use super::respond::{json, json_of, typed};
use super::service::Admin;
use crate::gateway::{Reason, Rejection};
use mfa_gateway_wire::Body;

/// The process runs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Liveness {
    /// `alive`.
    #[schemars(extend("const" = "alive"))]
    status: &'static str,
}

/// Whether the gateway takes traffic.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Readiness {
    /// `ready`, `waiting for keys` or `draining`.
    #[schemars(extend("enum" = ["ready", "waiting for keys", "draining"]))]
    status: &'static str,
    /// The state of each issuer; absent where `admin.details` is `protected` and no operator asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<IssuerState>>,
}

impl Admin {
    pub(super) fn alive() -> Response<Body> {
        json(&Liveness { status: "alive" })
    }

    /// Whether the gateway is ready; `details` says whether to tell why.
    pub(super) fn ready(&self, details: bool) -> Response<Body> {
        let sources = self.sources.load();
        if sources.iter().all(|source| source.status().had_keys) {
            self.started.store(true, Ordering::Relaxed);
        }
        // An issuer that a reload adds doesn't take away what works already.
        let started = self.started.load(Ordering::Relaxed);
        let usable = sources.is_empty() || sources.iter().any(|source| source.current().is_some());
        let (status, word) = if self.draining.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if !started || !usable {
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for keys")
        } else {
            (StatusCode::OK, "ready")
        };
        let issuers = details.then(|| sources.iter().map(|source| IssuerState::of(source)).collect());
        json_of(status, "application/json", &Readiness { status: word, issuers })
    }

    pub(super) fn metrics(&self) -> Result<Response<Body>, Rejection> {
        let live = self.live.load();
        live.observe();
        let text =
            self.metrics.encode(live.clock.now()).map_err(|error| Rejection::new(Reason::Overloaded).because(error))?;
        Ok(typed(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text))
    }
}
