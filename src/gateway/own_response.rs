//! Routes that the gateway serves itself: what is permitted there gets its response from here instead of an upstream.
//!
//! Such a request has come through the whole stack like any other: it has a route with its rule, was decided on, recorded and
//! counted.

use std::sync::Arc;
use std::time::Instant;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use mfa_gateway_core::policy::Denial;
use mfa_gateway_wire::Body;

use super::pipeline::Parts;
use super::tally::Outcome;
use super::{Notice, Reason, Rejection, forward};
use crate::report::Twin;
use crate::routing::{Pattern, Responder, Route};

/// The report can't be read.
const UNAVAILABLE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "report_unavailable",
    description: "The status report can't be read at the moment.",
    remedy: "Nothing is wrong with the request. Try again later. Quote the request id when you ask for help.",
};

/// Responds to a permitted request. Its body, if it has one, means nothing and is not read.
pub(super) async fn respond(parts: Parts) -> Result<Response<Body>, Rejection> {
    let Parts { exchange, route, grounds, proof, .. } = parts;
    let live = &exchange.live;
    let rejected = |reason| Rejection::new(reason).on(Arc::clone(&route)).with_proof(proof.clone());
    let Responder::StatusReport(tenants) = &route.responder else { return Err(rejected(Reason::UpstreamFailed)) };
    // `check` demands a rule that only users fulfil. A report on people never depends on that alone.
    let user = proof.as_ref().filter(|proof| proof.principal.user().is_some());
    let Some(caller) = user else { return Err(rejected(Reason::Denied(Denial::AppOnlyForbidden))) };
    let twin = Twin::at(below(&route, exchange.request.uri().path())).ok_or_else(|| rejected(Reason::NotFound))?;
    // `check` demands a report.
    let reader = live.report.as_ref().ok_or_else(|| rejected(Reason::Told(&UNAVAILABLE)))?;
    let report = twin.body(reader, tenants, caller).await;
    let report = report.map_err(|error| rejected(Reason::Told(&UNAVAILABLE)).because(error))?;
    let mut response = Response::new(Body::empty());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if *exchange.request.method() == Method::HEAD {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(report.len()));
    } else {
        *response.body_mut() = Body::full(report);
    }
    forward::finish_response(&mut response, &route, live, None);
    let outcome = Outcome::permitted(Arc::clone(&route), grounds, proof.as_deref(), Instant::now());
    Ok(response.map(|body| body.carrying(outcome)))
}

/// The path below the route's prefix. A route for one path serves what its last two segments name.
pub(super) fn below<'p>(route: &Route, path: &'p str) -> &'p str {
    let rest = match &route.pattern {
        Pattern::Prefix(prefix) => path.strip_prefix(prefix.trim_end_matches('/')).unwrap_or_default(),
        Pattern::Exact(_) => path.rmatch_indices('/').nth(1).and_then(|(at, _)| path.get(at..)).unwrap_or_default(),
    };
    rest.strip_prefix('/').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_gateway_core::policy::Requirement;

    #[test]
    fn what_is_asked_for_stands_below_the_prefix_or_at_the_end_of_the_path() {
        let of = |pattern, path: &'static str| below(&Route::new(pattern, Requirement::Public.into()), path);
        let prefix = |text: &str| Pattern::Prefix(text.to_owned());
        assert_eq!(of(prefix("/partner/"), "/partner/v1/partnerRequests"), "v1/partnerRequests");
        assert_eq!(of(prefix("/partner"), "/partner/v1/partnerRequests"), "v1/partnerRequests");
        assert_eq!(of(prefix("/"), "/v1/x"), "v1/x");
        assert_eq!(of(prefix("/partner/"), "/partner"), "");
        assert_eq!(of(prefix("/partner/"), "/partner//v1/x"), "/v1/x");
        let path = "/a/b/v1/partnerRequests";
        assert_eq!(of(Pattern::Exact(path.to_owned()), path), "v1/partnerRequests");
        assert_eq!(of(Pattern::Exact("/x".to_owned()), "/x"), "");
    }
}
