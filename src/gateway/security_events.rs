//! The endpoint that transmitters push security event tokens to (RFC 8935), on a route with `serve: security_events`.
//!
//! The route is public: what is delivered proves itself by its signature, and its transmitter by a bearer token if the
//! configuration demands one.

use std::sync::Arc;
use std::time::Instant;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use mfa_gateway_layer::Credential;
use mfa_gateway_wire::Body;

use super::pipeline::Parts;
use super::tally::Outcome;
use super::whole_body::collect;
use super::{Live, Rejection, forward};
use crate::events::{Delivery, Refused};

/// How long a delivery may be: a token and nothing else.
const MAX_BODY: usize = 64 << 10;

/// The media type of a delivery (RFC 8935 section 2.1).
const MEDIA_TYPE: &str = "application/secevent+jwt";

/// Responds to a delivery.
pub(super) async fn respond(mut parts: Parts) -> Result<Response<Body>, Rejection> {
    let (route, live) = (Arc::clone(&parts.route), Arc::clone(&parts.exchange.live));
    let request = &mut parts.exchange.request;
    let body = collect(std::mem::take(request.body_mut()), live.edge.body_timeout, MAX_BODY).await;
    let body = body.map_err(|reason| Rejection::new(reason).on(Arc::clone(&route)))?;
    let mut response = match receive(&live, request.headers(), &body).await {
        Ok(()) => with_status(StatusCode::ACCEPTED),
        Err(refused) => told(&refused),
    };
    forward::finish_response(&mut response, &route, &live, None);
    let outcome = Outcome::permitted(route, parts.grounds, None, Instant::now());
    Ok(response.map(|body| body.carrying(outcome)))
}

async fn receive(live: &Live, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let Some(receiver) = &live.events else { return Err(Refused::Unavailable("nothing receives security events")) };
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(MEDIA_TYPE) {
        let description = "the request's Content-Type is not application/secevent+jwt";
        return Err(receiver.refuse(Refused::because("invalid_request", description)));
    }
    let token = std::str::from_utf8(body)
        .map_err(|_| receiver.refuse(Refused::because("invalid_request", "the request's body is not a token")))?;
    let bearer = match Credential::bearer_in(headers) {
        Credential::Bearer(bearer) => std::str::from_utf8(bearer).ok(),
        Credential::None if !headers.contains_key(AUTHORIZATION) => None,
        // Something is presented, and it is none.
        Credential::None | Credential::Malformed | Credential::Dpop(_) => Some(""),
    };
    receiver.receive(Delivery { token, bearer }).await
}

/// A refusal, in the form of RFC 8935 section 2.4.
fn told(refused: &Refused) -> Response<Body> {
    match refused {
        Refused::Invalid { code, description } => {
            let mut response = with_status(StatusCode::BAD_REQUEST);
            let error = serde_json::json!({ "err": code, "description": description });
            *response.body_mut() = Body::full(error.to_string());
            let fields = response.headers_mut();
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            fields.insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
            response
        }
        Refused::Unavailable(_) => {
            let mut response = with_status(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

fn with_status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
