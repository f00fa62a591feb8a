//! Which endpoint answers what.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::{Answer, json, method_not_allowed, with_header};
use super::authorize::authorize;
use super::broken::{broken, changed};
use super::browsers::Visitor;
use super::client_auth::authenticate;
use super::control::control;
use super::counters::Counted;
use super::error::OAuthError;
use super::exchange::exchange;
use super::fault_set::{FaultSet, ResponseFault};
use super::form::Form;
use super::logout::end_session;
use super::metadata::{key_set, metadata};
use super::page;
use super::pushed;
use super::shape::{Endpoint, Shape};
use super::sign_in;
use super::state::State;

/// Answers one request, late if the provider is slow, not at all if it is dark.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Option<Answer> {
    let at = Shape::at(request.uri().path());
    // Counted on arrival: tests want to know how often the gateway fetched.
    if let Some((_, endpoint)) = at {
        state.counters.count(match endpoint {
            Endpoint::Discovery => Counted::Discovery,
            Endpoint::Keys => Counted::Keys,
            Endpoint::Authorize => Counted::Authorize,
            Endpoint::Token => Counted::Token,
            Endpoint::Pushed => Counted::Pushed,
            Endpoint::EndSession => Counted::EndSession,
        });
    }
    let delay = Duration::from_millis(state.delay_millis.load(Ordering::Relaxed));
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if state.dark.load(Ordering::Relaxed) {
        return None;
    }
    match at {
        Some((shape, endpoint)) => protocol(&state, shape, endpoint, request).await,
        None => Some(pages(state, request).await),
    }
}

/// The endpoints of the protocol.
async fn protocol(state: &State, shape: Shape, endpoint: Endpoint, request: Request<Incoming>) -> Option<Answer> {
    let visitor = Visitor::of(request.headers(), &state.cookie());
    let method = request.method().clone();
    let reads = matches!(method, Method::GET | Method::HEAD);
    match endpoint {
        Endpoint::Discovery | Endpoint::Keys if !reads => Some(method_not_allowed("GET, HEAD")),
        Endpoint::Token | Endpoint::Pushed if method != Method::POST => Some(method_not_allowed("POST")),
        Endpoint::Authorize | Endpoint::EndSession if !matches!(method, Method::GET | Method::POST) => {
            Some(method_not_allowed("GET, POST"))
        }
        Endpoint::Discovery => {
            let document = |_: &HeaderMap| with_caching(json(StatusCode::OK, &metadata(state, shape)));
            published(state, shape, &request, |set| &mut set.discovery, document).await
        }
        Endpoint::Keys => {
            published(state, shape, &request, |set| &mut set.keys, |headers| key_set(state, headers)).await
        }
        Endpoint::Token => token(state, shape, request).await,
        Endpoint::Pushed => push(state, shape, request).await,
        Endpoint::Authorize => Some(match form(request).await {
            Ok(form) => {
                tokio::time::sleep(Duration::from_millis(state.faults.now().authorize.delay_ms)).await;
                authorize(state, shape, form, &visitor)
            }
            Err(error) => page::problem(error.description),
        }),
        Endpoint::EndSession => Some(match form(request).await {
            Ok(form) => end_session(state, shape, &form, &visitor).await,
            Err(error) => page::problem(error.description),
        }),
    }
}

/// The provider's own pages, and what tests ask for.
async fn pages(state: Arc<State>, request: Request<Incoming>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let visitor = Visitor::of(request.headers(), &state.cookie());
    if let Some(id) = path.strip_prefix("/sign-in/") {
        return match method {
            Method::GET => sign_in::show(&state, id, &visitor),
            Method::POST => match Form::read(request).await {
                Ok(form) => sign_in::act(&state, id, &form, &visitor),
                Err(error) => page::problem(error.description),
            },
            _ => method_not_allowed("GET, POST"),
        };
    }
    match (path.as_str(), method) {
        ("/", Method::GET | Method::HEAD) => page::index(&state.issuer, &state.people),
        ("/", _) => method_not_allowed("GET, HEAD"),
        ("/rotate", Method::POST) => rotate(state, &query(&request)).await,
        ("/rotate", _) => method_not_allowed("POST"),
        _ => control(&state, request).await,
    }
}

fn query(request: &Request<Incoming>) -> Form {
    Form::parse(request.uri().query().unwrap_or_default().as_bytes())
}

/// The parameters of a request whose method may be either (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2).
async fn form(request: Request<Incoming>) -> Result<Form, OAuthError> {
    if request.method() == Method::POST { Form::read(request).await } else { Ok(query(&request)) }
}

fn with_caching(answer: Answer) -> Answer {
    with_header(answer, CACHE_CONTROL, "public, max-age=300")
}

async fn published(
    state: &State,
    shape: Shape,
    request: &Request<Incoming>,
    fault: impl FnOnce(&mut FaultSet) -> &mut ResponseFault,
    document: impl FnOnce(&HeaderMap) -> Answer,
) -> Option<Answer> {
    match broken(state, shape, &state.faults.response(shape, fault), request.uri().path()).await {
        Some(broken) => broken,
        None => Some(document(request.headers())),
    }
}

async fn token(state: &State, shape: Shape, request: Request<Incoming>) -> Option<Answer> {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let path = request.uri().path().to_owned();
    let form = Form::read(request).await;
    let refreshes = form.as_ref().is_ok_and(|form| form.get("grant_type") == Some("refresh_token"));
    let fault = if refreshes {
        state.counters.count(Counted::Refresh);
        state.faults.response(shape, |set| &mut set.refresh)
    } else {
        state.faults.response(shape, |set| &mut set.token)
    };
    let tokens = || form.and_then(|form| exchange(state, shape, authorization.as_ref(), &form));
    respond(state, shape, &fault, &path, StatusCode::OK, tokens).await
}

/// Takes a pushed authorization request (RFC 9126 §2).
async fn push(state: &State, shape: Shape, request: Request<Incoming>) -> Option<Answer> {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let path = request.uri().path().to_owned();
    let form = Form::read(request).await;
    let fault = state.faults.response(shape, |set| &mut set.pushed);
    let keep = || {
        let form = form?;
        form.sound()?;
        let client = authenticate(state, shape, authorization.as_ref(), &form)?;
        let uri = state.pushed.keep(client.id, form, state.clock.now())?;
        Ok(json!({ "request_uri": uri, "expires_in": pushed::LIFETIME.as_secs() }))
    };
    respond(state, shape, &fault, &path, StatusCode::CREATED, keep).await
}

/// A JSON response of the back channel, right or wrong.
async fn respond(
    state: &State,
    shape: Shape,
    fault: &ResponseFault,
    path: &str,
    status: StatusCode,
    work: impl FnOnce() -> Result<Value, OAuthError>,
) -> Option<Answer> {
    let result = if fault.late {
        let result = work();
        if let Some(broken) = broken(state, shape, fault, path).await {
            return broken;
        }
        result
    } else {
        if let Some(broken) = broken(state, shape, fault, path).await {
            return broken;
        }
        work()
    };
    let answer = match result {
        Ok(response) => json(status, &changed(response, fault)),
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            // RFC 9110 §15.5.2 wants a challenge with every 401.
            with_header(
                json(error.status(), &error.body(shape, state.clock.now())),
                WWW_AUTHENTICATE,
                "Basic realm=\"demo\"",
            )
        }
        Err(error) => json(error.status(), &error.body(shape, state.clock.now())),
    };
    // RFC 6749 §5.1 wants both.
    Some(with_header(with_header(answer, CACHE_CONTROL, "no-store"), PRAGMA, "no-cache"))
}

async fn rotate(state: Arc<State>, query: &Form) -> Answer {
    let drop_old = query.get("drop_old") == Some("true");
    // Making a key takes long enough to hold up everybody else on this thread.
    match tokio::task::spawn_blocking(move || state.keys.rotate(drop_old)).await {
        Ok(kid) => json(StatusCode::OK, &json!({ "kid": kid })),
        Err(error) => {
            tracing::error!(%error, "could not rotate the signing key");
            json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "server_error" }))
        }
    }
}
