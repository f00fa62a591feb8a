//! Which endpoint answers what, and the two that only publish: the metadata and the key set.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, IF_NONE_MATCH, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::answer::{Answer, bytes, json, method_not_allowed, not_found, with_header};
use super::authorize::{SCOPES, authorize};
use super::exchange::exchange;
use super::form::Form;
use super::page;
use super::state::State;

/// Answers one request, late if the provider is slow, not at all if it is dark.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Option<Answer> {
    let (discovery, keys) = ("/.well-known/openid-configuration", "/keys");
    // Counted on arrival: tests want to know how often the gateway fetched.
    match request.uri().path() {
        path if path == discovery => state.discovery_fetches.fetch_add(1, Ordering::Relaxed),
        path if path == keys => state.key_fetches.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
    let delay = Duration::from_millis(state.delay_millis.load(Ordering::Relaxed));
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if state.dark.load(Ordering::Relaxed) {
        return None;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    Some(match (path.as_str(), &method) {
        (path, &Method::GET | &Method::HEAD) if path == discovery => {
            with_header(json(StatusCode::OK, &metadata(&state.issuer)), CACHE_CONTROL, "public, max-age=300")
        }
        (path, &Method::GET | &Method::HEAD) if path == keys => key_set(&state, request.headers()),
        ("/", &Method::GET | &Method::HEAD) => page::index(&state.issuer, &state.people),
        ("/authorize", &Method::GET) => authorize(&state, &query(&request)),
        // OpenID Connect Core §3.1.2.1 wants both methods.
        ("/authorize", &Method::POST) => match Form::read(request).await {
            Ok(form) => authorize(&state, &form),
            Err(error) => page::problem(error.description),
        },
        ("/token", &Method::POST) => token(&state, request).await,
        ("/rotate", &Method::POST) => rotate(state, &query(&request)).await,
        (path, _) if path == discovery || path == keys => method_not_allowed("GET, HEAD"),
        ("/", _) => method_not_allowed("GET, HEAD"),
        ("/authorize", _) => method_not_allowed("GET, POST"),
        ("/token" | "/rotate", _) => method_not_allowed("POST"),
        _ => not_found(),
    })
}

fn query(request: &Request<Incoming>) -> Form {
    Form::parse(request.uri().query().unwrap_or_default().as_bytes())
}

/// The metadata of OpenID Connect Discovery §3 and RFC 8414 §2.
fn metadata(issuer: &str) -> Value {
    let endpoint = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "jwks_uri": endpoint("keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "claims_supported": [
            "iss", "sub", "aud", "iat", "nbf", "exp", "auth_time", "nonce", "at_hash", "amr",
            "name", "given_name", "family_name", "preferred_username", "oid", "tid",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    })
}

/// The JWK set, or 304 to those who have it (RFC 9110 §13.1.2).
fn key_set(state: &State, headers: &HeaderMap) -> Answer {
    let published = state.keys.published();
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let mut answer = if known.any(|tag| tag == "*" || tag == published.etag) {
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        bytes(StatusCode::OK, "application/json", published.body.clone())
    };
    if let Ok(etag) = HeaderValue::from_str(&published.etag) {
        answer.headers_mut().insert(ETAG, etag);
    }
    with_header(answer, CACHE_CONTROL, "public, max-age=300")
}

async fn token(state: &State, request: Request<Incoming>) -> Answer {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let tokens = match Form::read(request).await {
        Ok(form) => exchange(state, authorization.as_ref(), &form),
        Err(error) => Err(error),
    };
    let answer = match tokens {
        Ok(tokens) => json(StatusCode::OK, &tokens),
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            // RFC 9110 §15.5.2 wants a challenge with every 401.
            with_header(json(error.status(), &error.body()), WWW_AUTHENTICATE, "Basic realm=\"demo\"")
        }
        Err(error) => json(error.status(), &error.body()),
    };
    // RFC 6749 §5.1 wants both.
    with_header(with_header(answer, CACHE_CONTROL, "no-store"), PRAGMA, "no-cache")
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
