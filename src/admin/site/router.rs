//! The paths of the site. They are for people, so that the `OpenAPI` document leaves them out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::CONTENT_TYPE;

use super::overview::overview;
use super::who::Who;
use super::{
    ask, configuration, consents, engine, exceptions, explain, give, replay, report, requests, sessions, upload,
    vendors,
};
use crate::admin::context::Admin;
use crate::admin::{guard, page};

/// All but the overview.
pub(in crate::admin) fn router(admin: &Arc<Admin>) -> Router<Arc<Admin>> {
    let guarded =
        |route: MethodRouter<Arc<Admin>>| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    let people =
        |route: MethodRouter<Arc<Admin>>| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::people));
    Router::new()
        .route("/site/exceptions", people(get(exceptions::list)))
        .route("/site/exceptions/new", people(get(ask::page).post(ask::ask)).layer(DefaultBodyLimit::max(upload::MAX)))
        .route("/site/exceptions/{id}", people(get(exceptions::one)))
        .route("/site/exceptions/{id}/{step}", people(get(exceptions::back).post(exceptions::step)))
        .route(consents::PATH, guarded(get(consents::page)))
        .route("/site/consents/try", guarded(get(consents::again).post(consents::try_it)))
        .route("/site/consents/withdraw", guarded(get(consents::again).post(consents::withdraw)))
        .route("/site/consents/give", guarded(get(consents::again).post(give::give)))
        .route(consents::BACK, guarded(get(give::back)))
        .route(vendors::PATH, guarded(get(vendors::page)))
        .route("/site/vendors/consent", guarded(get(vendors::again).post(vendors::consent)))
        .route("/site/vendors/purged", guarded(get(vendors::again).post(vendors::purged)))
        .route("/site/report", guarded(get(report::page)))
        .route("/site/report/requests", guarded(get(requests::page)))
        .route("/site/report/forget", guarded(post(requests::forget)))
        .route("/site/sessions", guarded(get(sessions::page)))
        .route("/site/sessions/end", guarded(post(sessions::end)))
        .route("/site/explain", guarded(get(explain::page).post(explain::explain)))
        .route(
            "/site/replay",
            guarded(get(replay::page).post(replay::replay)).layer(DefaultBodyLimit::max(upload::MAX)),
        )
        .route("/site/configuration", guarded(get(configuration::page)))
        .route("/site/configuration/reload", guarded(post(configuration::reload)))
}

/// The first page: the overview, or where no operator signs in with a browser, the page that explains a token.
pub(in crate::admin) async fn home(State(admin): State<Arc<Admin>>, who: Who) -> Response {
    if admin.state.load().access.has_browsers() { overview(&admin, &who).await } else { page::page().into_response() }
}

/// The style of all pages.
pub(in crate::admin) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], engine::STYLE)
}
