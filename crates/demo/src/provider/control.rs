//! What tests send the provider over HTTP: faults, registrations, ends of sessions, and the counts.
//!
//! A body must be `application/json`: a page of another site that sends that asks first, and is not allowed to.

use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::{Answer, json, method_not_allowed, not_found};
use super::authorize::forget_registrations;
use super::back_channel::end_sessions;
use super::state::State;
use crate::tenants::Tenant;

const MAX_BODY: usize = 256 * 1024;

/// Answers what is no endpoint of the protocol.
///
/// | Request | Does |
/// |---|---|
/// | `GET /counts` | shows how often each endpoint was asked |
/// | `GET`, `POST`, `DELETE /faults` | shows, merges and takes back faults |
/// | `GET`, `PUT /clients/{id}` | shows and replaces what an application has registered |
/// | `POST /sessions/end` | ends the sessions of `{"login": …}` or `{"sid": …}`, with their refresh tokens, as an admin does |
/// | `PUT`, `DELETE /consents/{tenant}/{id}` | consents to an application in a customer's tenant, and takes that back |
/// | `DELETE /registrations` | forgets who has registered for MFA |
pub(crate) async fn control(state: &State, request: Request<Incoming>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if let Some(id) = path.strip_prefix("/clients/") {
        return client(state, id, request).await;
    }
    if let Some((tenant, id)) = path.strip_prefix("/consents/").and_then(|rest| rest.split_once('/')) {
        return consent(state, &method, tenant, id);
    }
    match (path.as_str(), &method) {
        ("/counts", &Method::GET) => json(StatusCode::OK, &json!(state.counters.now())),
        ("/faults", &Method::GET) => json(StatusCode::OK, &json!(state.faults.now())),
        ("/faults", &Method::DELETE) => {
            state.faults.reset();
            json(StatusCode::OK, &json!(state.faults.now()))
        }
        ("/faults", &Method::POST) => {
            let merged = match read(request).await {
                Ok(faults) => state.faults.merge(&faults).map_err(|error| error.to_string()),
                Err(reason) => Err(reason.to_owned()),
            };
            match merged {
                Ok(()) => json(StatusCode::OK, &json!(state.faults.now())),
                Err(reason) => bad(&reason),
            }
        }
        ("/sessions/end", &Method::POST) => end(state, request).await,
        ("/registrations", &Method::DELETE) => {
            forget_registrations(state);
            json(StatusCode::OK, &json!({}))
        }
        ("/counts", _) => method_not_allowed("GET"),
        ("/faults", _) => method_not_allowed("GET, POST, DELETE"),
        ("/sessions/end", _) => method_not_allowed("POST"),
        ("/registrations", _) => method_not_allowed("DELETE"),
        _ => not_found(),
    }
}

async fn client(state: &State, id: &str, request: Request<Incoming>) -> Answer {
    match *request.method() {
        Method::GET => json(StatusCode::OK, &json!(state.clients.of(id))),
        Method::PUT => match read(request).await.map(serde_json::from_value) {
            Ok(Ok(registration)) => {
                state.clients.register(id, registration);
                json(StatusCode::OK, &json!(state.clients.of(id)))
            }
            Ok(Err(error)) => bad(&error.to_string()),
            Err(reason) => bad(reason),
        },
        _ => method_not_allowed("GET, PUT"),
    }
}

fn consent(state: &State, method: &Method, tenant: &str, id: &str) -> Answer {
    let Some(tenant) = Tenant::find(tenant) else { return not_found() };
    match *method {
        Method::PUT => json(StatusCode::OK, &json!({ "changed": state.consents.give(tenant, id) })),
        Method::DELETE => json(StatusCode::OK, &json!({ "changed": state.consents.take(tenant, id) })),
        _ => method_not_allowed("PUT, DELETE"),
    }
}

async fn end(state: &State, request: Request<Incoming>) -> Answer {
    let whose = match read(request).await {
        Ok(whose) => whose,
        Err(reason) => return bad(reason),
    };
    let (login, sid) = (whose["login"].as_str(), whose["sid"].as_str());
    if login.is_none() && sid.is_none() {
        return bad("name the sessions by login or sid");
    }
    let (ended, deliveries) = end_sessions(state, true, |_, account| {
        login.is_none_or(|login| login == account.login) && sid.is_none_or(|sid| sid == account.sid)
    })
    .await;
    let ended: Vec<_> = ended.iter().map(|account| &account.sid).collect();
    json(StatusCode::OK, &json!({ "ended": ended, "deliveries": deliveries }))
}

async fn read(request: Request<Incoming>) -> Result<Value, &'static str> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err("the body must be application/json");
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|_| "the body is larger than 256 KiB or incomplete")?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| "the body is not JSON")
}

fn bad(reason: &str) -> Answer {
    json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "error_description": reason }))
}
