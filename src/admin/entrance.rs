//! How a request gets in: with a browser's session, or without.
//!
//! What has an `Authorization` field is judged by it alone, by the guards before the handlers. The sign-in's own paths
//! need no operator. The rest of what a browser with a session asks for, and every page, goes through the door.

use std::sync::Arc;

use axum::Router;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use tower::ServiceExt;

use super::access::Access;
use super::context::Admin;
use super::guard::{check_host, check_origin};
use super::refused::Refused;
use super::state::State;
use crate::gateway::{OperatorsDoor, Rejection, Sanitized};
use mfa_gateway_core::policy::Dialect;
use mfa_gateway_wire::Body;

/// What everyone may have, whatever cookie comes with the request.
const OPEN: [&str; 7] = ["/livez", "/ping", "/readyz", "/ready", "/openapi.json", "/explain.js", "/explain.css"];

/// Serves a request. Refusals are worded for OAuth's clients.
pub(super) async fn serve(
    admin: Arc<Admin>,
    router: Router,
    sanitized: Sanitized,
) -> Result<Response<Body>, Rejection> {
    enter(admin, router, sanitized).await.map_err(|rejection| rejection.worded(Dialect::Oauth))
}

async fn enter(admin: Arc<Admin>, router: Router, sanitized: Sanitized) -> Result<Response<Body>, Rejection> {
    let state = admin.state.load_full();
    let door = OperatorsDoor::of(&admin.live.load());
    let Access::Open { browsers: Some(browsers), .. } = &state.access else {
        return route(router, sanitized.into_request()).await;
    };
    let Some(door) = door else { return route(router, sanitized.into_request()).await };
    if let Some(name) = door.own_path(&sanitized) {
        check_host(sanitized.headers(), state.hosts())?;
        return Ok(door.respond(&name, sanitized).await);
    }
    if !is_visit(&state, &door, &sanitized) {
        return route(router, sanitized.into_request()).await;
    }
    check_host(sanitized.headers(), state.hosts())?;
    let serve = async |mut request: Request<Body>, evidence, signed_in| {
        let operator = browsers.admit(&evidence);
        let name = if is_for_people(request.uri().path()) {
            let actor = browsers.admit_person(&evidence, state.config.exception_requests.as_ref())?;
            let name = actor.name.clone();
            request.extensions_mut().insert(actor);
            if let Ok(operator) = operator {
                request.extensions_mut().insert(operator);
            }
            name
        } else {
            let operator = operator?;
            let name = operator.name.clone();
            request.extensions_mut().insert(operator);
            name
        };
        check_origin(request.headers())?;
        if request.method() == Method::POST {
            tracing::info!(path = request.uri().path(), operator = name, "an operator request");
        }
        if let Some(signed_in) = signed_in {
            request.extensions_mut().insert(signed_in);
        }
        route(router, request).await
    };
    door.visit(sanitized, Arc::clone(browsers.route()), serve).await
}

/// Whether a request is judged by its session: every page is, since a person without one is sent to sign in.
fn is_visit(state: &State, door: &OperatorsDoor, sanitized: &Sanitized) -> bool {
    let path = sanitized.path();
    if sanitized.headers().contains_key(AUTHORIZATION) || OPEN.contains(&path) {
        return false;
    }
    let is_open = path == "/metrics" && state.open_details();
    is_page(path) || door.has_cookie(sanitized) && !is_open
}

/// Whether a path is one of those where people need not be operators: its guard looks for a person.
fn is_for_people(path: &str) -> bool {
    ["/exceptions", "/site/exceptions"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether a path is one of the site's.
fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with("/site/")
}

/// Hands a sound request to the router, and the router's refusals back.
async fn route(router: Router, request: Request<Body>) -> Result<Response<Body>, Rejection> {
    let Ok(response) = router.oneshot(request).await;
    Refused::taken_from(response).map(|response| response.map(Body::new))
}
