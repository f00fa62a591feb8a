//! Every path that the admin listener serves, by who may have it, with what its handler says of itself.
//!
//! A guard stands before each handler and not before a whole path: everyone learns of a wrong path or method.

use std::sync::Arc;
use std::time::Duration;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, get_with, post_with};
use aide::openapi::OpenApi;
use aide::transform::{TransformOperation, TransformPathItem};
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::{Map, Value};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::trace::TraceLayer;
use tracing::Span;

use super::context::Admin;
use super::health::ReadinessAnswer;
use super::openapi::Document;
use super::refused::Refused;
use super::respond::Json;
use super::{
    assertion, configuration, consents, delegations, described, exceptions, explain, guard, health, issuers, metrics,
    openapi, page, reload, report, routes, sessions, site, vendors,
};
use crate::gateway::Reason;
use crate::gateway::assertion::KEYS_PATH;

/// The size of a response from which it is compressed, in bytes.
const MIN_COMPRESSED: u16 = 1024;

type Routes = ApiRouter<Arc<Admin>>;
type Route = ApiMethodRouter<Arc<Admin>>;

/// All of them, and their description.
pub(super) fn router(admin: &Arc<Admin>) -> Router {
    let mut api = OpenApi::default();
    let router = described_routes(admin).finish_api_with(&mut api, openapi::introduced);
    router
        .fallback(async || Refused::from(Reason::NotFound))
        // The router adds the methods that the path has.
        .method_not_allowed_fallback(async || Refused::from(Reason::MethodNotAllowed(Vec::new())))
        .layer(Extension(Document::of(&api)))
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

fn described_routes(admin: &Arc<Admin>) -> Routes {
    // What this thread describes until it is finished.
    aide::generate::in_context(|context| context.schema = described::written());
    // A smaller response fits into one packet anyway, and each event of a stream is to get out at once.
    let worth_it = SizeAbove::new(MIN_COMPRESSED).and(NotForContentType::SSE);
    everybody()
        .merge(details(admin))
        .merge(operators_reads(admin))
        .merge(peoples_reads(admin))
        .merge(visitors(admin))
        .layer(CompressionLayer::new().compress_when(worth_it))
        // These repeat a part of what was posted, so that the size of a compressed one could tell of the rest (BREACH).
        .merge(operators_posts(admin))
        .merge(peoples_posts(admin))
        // Nor are these, which have the proof of their forms beside what others wrote.
        .merge(Routes::from(site::router(admin)))
}

/// The log's span around everything that a request causes. Neither query nor fields: a token may be in them.
fn span(request: &Request) -> Span {
    tracing::debug_span!("admin", method = %request.method(), path = request.uri().path())
}

fn tell(response: &Response, latency: Duration, _: &Span) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(status = response.status().as_u16(), micros, "an admin request has its response");
}

/// The endpoints open to everyone: a kubelet shows no token. The second names are not described.
fn everybody() -> Routes {
    let alive = get_with(health::alive, |op| named(op, "alive", "Whether the process runs"));
    let ready = get_with(health::ready, |op| {
        let op = named(op, "ready", "Whether the gateway takes traffic").response::<200, Json<ReadinessAnswer>>();
        op.response_with::<503, Json<ReadinessAnswer>, _>(|response| {
            response.description("It waits for keys, or is draining")
        })
    });
    let keys = get_with(assertion::keys, |op| {
        let op = named(op, "assertionKeys", "The keys of signed assertions, as a key set (RFC 7517)");
        described::text(op, "The key set", "application/jwk-set+json").response::<404, Refused>()
    });
    Routes::new()
        .api_route("/livez", alive)
        .route("/ping", get(health::alive))
        .api_route("/readyz", ready)
        .route("/ready", get(health::ready))
        .api_route(KEYS_PATH, keys)
        .with_path_items(open)
}

/// The endpoints open to everyone, or to operators alone where the configuration says so.
fn details(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::details));
    let metrics = get_with(metrics::metrics, |op| {
        described::text(named(op, "metrics", "The metrics"), "OpenMetrics", "application/openmetrics-text")
    });
    Routes::new().api_route("/metrics", guarded(metrics)).with_path_items(|item| protected(open(item)))
}

/// The endpoints that operators may read.
fn operators_reads(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    let config = get_with(configuration::config, |op| named(op, "config", "The configuration in use"));
    let issuers = get_with(issuers::issuers, |op| named(op, "issuers", "The issuers and their keys"));
    let routes = get_with(routes::routes, |op| named(op, "routes", "The routes, in matching order"));
    let list = get_with(sessions::list, |op| named(op, "sessions", "The sessions of people, newest first"));
    let one = get_with(sessions::one, |op| named(op, "session", "A session"));
    let consents = get_with(consents::list, |op| named(op, "consents", "The consents of unattended programs"));
    let delegations =
        get_with(delegations::delegations, |op| named(op, "delegations", "The delegations of customers to partners"));
    let vendors = get_with(vendors::list, |op| named(op, "vendors", "The control panel vendors and their partners"));
    let report = get_with(report::report, |op| named(op, "report", "The security requirements status report"));
    let requests = get_with(report::requests, |op| named(op, "reportRequests", "The latest requests of users"));
    let download = get_with(report::download, |op| {
        described::text(named(op, "reportDownload", "A download of the report"), "The download", "text/csv")
    });
    Routes::new()
        .api_route("/consents", guarded(consents))
        .api_route("/config", guarded(config))
        .api_route("/delegations", guarded(delegations))
        .api_route("/issuers", guarded(issuers))
        .api_route("/routes", guarded(routes))
        .api_route("/sessions", guarded(list))
        .api_route("/sessions/{id}", guarded(one))
        .api_route("/report", guarded(report))
        .api_route("/report.csv", guarded(download))
        .api_route("/report/requests", guarded(requests))
        .api_route("/vendors", guarded(vendors))
        .with_path_items(protected)
}

/// The actions of operators.
fn operators_posts(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::operators));
    let explain = post_with(explain::explain, |op| named(op, "explain", "The gateway's decision about a token"));
    let reload = post_with(reload::reload, |op| named(op, "reload", "Reads the configuration file again"));
    let end = post_with(sessions::end, |op| named(op, "endSessions", "Ends sessions, on every replica"));
    let begin = post_with(consents::begin, |op| named(op, "beginConsent", "Asks a person for a consent"));
    let finish = post_with(consents::finish, |op| named(op, "finishConsent", "Takes the consent that a person gave"));
    let try_it = post_with(consents::try_it, |op| named(op, "tryConsent", "Uses a consent, to see whether it works"));
    let withdraw = post_with(consents::withdraw, |op| named(op, "withdrawConsent", "Erases a consent's refresh token"));
    let rewrap = post_with(consents::rewrap, |op| named(op, "rewrapConsents", "Has the first sealing key take over"));
    let consent = post_with(vendors::consent, |op| of_vendor(op, "consentCustomers", "Has customers consent"));
    let remove = post_with(vendors::remove, |op| of_vendor(op, "removeCustomers", "Takes customers' consents back"));
    let purged =
        post_with(vendors::purged, |op| of_vendor(op, "statePurge", "Takes a statement on stored credentials"));
    let forget = post_with(report::forget, |op| named(op, "forgetUser", "Deletes a user's records from the report"));
    Routes::new()
        .api_route("/consents/begin", guarded(begin))
        .api_route("/consents/finish", guarded(finish))
        .api_route("/consents/rewrap", guarded(rewrap))
        .api_route("/consents/try", guarded(try_it))
        .api_route("/consents/withdraw", guarded(withdraw))
        .api_route("/explain", guarded(explain))
        .api_route("/report/forget", guarded(forget))
        .api_route("/reload", guarded(reload))
        .api_route("/sessions/end", guarded(end))
        .api_route("/vendors/consent", guarded(consent))
        .api_route("/vendors/purged", guarded(purged))
        .api_route("/vendors/remove", guarded(remove))
        .with_path_items(protected)
}

/// Describes what is asked for a vendor's partner, which may not be there.
fn of_vendor<'t>(operation: TransformOperation<'t>, id: &str, summary: &str) -> TransformOperation<'t> {
    named(operation, id, summary).response::<404, Refused>()
}

/// What people read who ask for exceptions or answer, and operators.
fn peoples_reads(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::people));
    let list =
        get_with(exceptions::list, |op| named(op, "exceptions", "The technical exceptions, newest request first"));
    let one = get_with(exceptions::one, |op| named(op, "exception", "An exception with all its steps"));
    Routes::new()
        .api_route("/exceptions", guarded(list))
        .api_route("/exceptions/{id}", guarded(one))
        .with_path_items(protected)
}

/// What people do who ask for exceptions or answer, and operators; and evidence, which is compressed as it is.
fn peoples_posts(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::people));
    let request =
        post_with(exceptions::request, |op| conflicts(named(op, "requestException", "Asks for an exception")));
    let approve = post_with(exceptions::approve, |op| conflicts(named(op, "approveException", "Grants a request")));
    let reject = post_with(exceptions::reject, |op| conflicts(named(op, "rejectException", "Doesn't grant a request")));
    let withdraw =
        post_with(exceptions::withdraw, |op| conflicts(named(op, "withdrawException", "Takes a request back")));
    let revoke = post_with(exceptions::revoke, |op| conflicts(named(op, "revokeException", "Ends an exception")));
    let add = post_with(exceptions::add, |op| conflicts(named(op, "addEvidence", "Adds evidence to an own request")));
    let download = get_with(exceptions::download, |op| {
        described::text(named(op, "evidence", "A piece of evidence"), "The file", "application/octet-stream")
    });
    Routes::new()
        .api_route("/exceptions", guarded(request))
        .api_route("/exceptions/{id}/approve", guarded(approve))
        .api_route("/exceptions/{id}/reject", guarded(reject))
        .api_route("/exceptions/{id}/withdraw", guarded(withdraw))
        .api_route("/exceptions/{id}/revoke", guarded(revoke))
        .api_route("/exceptions/{id}/evidence", guarded(add))
        .api_route("/exceptions/{id}/evidence/{number}", guarded(download))
        .with_path_items(protected)
}

/// Describes a step, which others may make at the same time, or which can't be meant.
fn conflicts(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.response::<404, Refused>().response::<409, Refused>().response::<422, Refused>()
}

/// The endpoints open to everyone, if there are operators: a browser fetches a page before its user can show a token.
/// The page is the same for all and reveals nothing of the gateway.
fn visitors(admin: &Arc<Admin>) -> Routes {
    let guarded = |route: Route| route.route_layer(from_fn_with_state(Arc::clone(admin), guard::visitors));
    let openapi = get_with(openapi::openapi, |op| {
        let op = named(op, "openapi", "This document");
        op.response_with::<200, Json<Map<String, Value>>, _>(|response| response.description("OpenAPI 3.1"))
    });
    let page = get_with(site::home, |op| {
        let summary = "The overview for operators who sign in; without those, the page that explains a token";
        described::text(named(op, "page", summary), "The page", "text/html")
    });
    let page = page.route_layer(from_fn_with_state(Arc::clone(admin), guard::home));
    let script = get_with(page::script, |op| {
        described::text(named(op, "script", "The page's script"), "The script", "text/javascript")
    });
    let style =
        get_with(page::style, |op| described::text(named(op, "style", "The page's style"), "The style", "text/css"));
    Routes::new()
        .api_route("/openapi.json", guarded(openapi))
        .api_route("/", page)
        .api_route("/explain.js", guarded(script))
        .api_route("/explain.css", guarded(style))
        .route("/site.css", guarded(get(site::style).into()))
        .with_path_items(|item| each(open(item), |op| op.response::<403, Refused>().response::<421, Refused>()))
}

fn named<'t>(operation: TransformOperation<'t>, id: &str, summary: &str) -> TransformOperation<'t> {
    operation.id(id).summary(summary)
}

/// Describes a path as open to those without a token.
fn open(item: TransformPathItem<'_>) -> TransformPathItem<'_> {
    item.security_requirement_multi([""; 0])
}

/// Describes a path as one of operators, and what others get there.
fn protected(item: TransformPathItem<'_>) -> TransformPathItem<'_> {
    each(item.security_requirement("operator"), |op| {
        op.response::<401, Refused>().response::<403, Refused>().response::<421, Refused>().response::<503, Refused>()
    })
}

/// Describes each operation of a path further.
fn each(
    mut item: TransformPathItem<'_>,
    describe: impl Fn(TransformOperation<'_>) -> TransformOperation<'_>,
) -> TransformPathItem<'_> {
    let path = item.inner_mut();
    for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
        let _ = describe(TransformOperation::new(operation));
    }
    item
}
