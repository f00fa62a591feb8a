//! Every path that the admin listener serves, by who may have it.
//!
//! A guard stands before each handler and not before a whole path: a wrong path or method is told as such to everybody.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::context::Admin;
use super::refused::Refused;
use super::{configuration, explain, guard, health, issuers, metrics, openapi, page, reload, routes};
use crate::gateway::Reason;

type Route = MethodRouter<Arc<Admin>>;

/// All of them.
pub(super) fn router(admin: &Arc<Admin>) -> Router {
    everybody()
        .merge(details(admin))
        .merge(operators(admin))
        .merge(visitors(admin))
        .fallback(async || Refused::from(Reason::NotFound))
        // The router adds the methods that the path has.
        .method_not_allowed_fallback(async || Refused::from(Reason::MethodNotAllowed(Vec::new())))
        .with_state(Arc::clone(admin))
}

/// What everybody may have: a kubelet shows no token.
fn everybody() -> Router<Arc<Admin>> {
    Router::new()
        .route("/livez", get(health::alive))
        .route("/ping", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/ready", get(health::ready))
}

/// What everybody may have, or operators alone where the configuration says so.
fn details(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::details));
    Router::new().route("/metrics", guarded(get(metrics::metrics)))
}

/// What operators may have.
fn operators(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    Router::new()
        .route("/config", guarded(get(configuration::config)))
        .route("/issuers", guarded(get(issuers::issuers)))
        .route("/routes", guarded(get(routes::routes)))
        .route("/explain", guarded(post(explain::explain)))
        .route("/reload", guarded(post(reload::reload)))
}

/// What everybody may have, where there are operators: a browser asks for a page before its user can show a token. It is
/// the same for all and tells nothing of the gateway.
fn visitors(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::visitors));
    Router::new()
        .route("/openapi.json", guarded(get(openapi::openapi)))
        .route("/", guarded(get(page::page)))
        .route("/explain.js", guarded(get(page::script)))
        .route("/explain.css", guarded(get(page::style)))
}
