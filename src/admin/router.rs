//! Every path that the admin listener serves, by who may have it.
//!
//! A guard stands before each handler and not before a whole path: a wrong path or method is told as such to everybody.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::context::Admin;
use super::refused::Refused;
use super::{configuration, explain, guard, health, issuers, metrics, openapi, page, reload, routes};
use crate::gateway::Reason;

/// The size of a response from which it is compressed, in bytes.
const MIN_COMPRESSED: u16 = 1024;

type Route = MethodRouter<Arc<Admin>>;

/// All of them.
pub(super) fn router(admin: &Arc<Admin>) -> Router {
    // A smaller response fits into one packet anyway, and each event of a stream is to get out at once.
    let worth_it = SizeAbove::new(MIN_COMPRESSED).and(NotForContentType::SSE);
    everybody()
        .merge(details(admin))
        .merge(operators_reads(admin))
        .merge(visitors(admin))
        .layer(CompressionLayer::new().compress_when(worth_it))
        // These repeat a part of what was posted, so that the size of a compressed one could tell of the rest (BREACH).
        .merge(operators_posts(admin))
        .fallback(async || Refused::from(Reason::NotFound))
        // The router adds the methods that the path has.
        .method_not_allowed_fallback(async || Refused::from(Reason::MethodNotAllowed(Vec::new())))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(tell)
                .on_body_chunk(())
                .on_eos(())
                .on_failure(()),
        )
        .with_state(Arc::clone(admin))
}

/// What the log has around all that a request brings about. Neither query nor fields: a token may be in them.
fn span(request: &Request) -> Span {
    tracing::debug_span!("admin", method = %request.method(), path = request.uri().path())
}

fn tell(response: &Response, latency: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), ?latency, "an admin request has its response");
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

/// What operators may see.
fn operators_reads(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    Router::new()
        .route("/config", guarded(get(configuration::config)))
        .route("/issuers", guarded(get(issuers::issuers)))
        .route("/routes", guarded(get(routes::routes)))
}

/// What operators may do.
fn operators_posts(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    Router::new().route("/explain", guarded(post(explain::explain))).route("/reload", guarded(post(reload::reload)))
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
