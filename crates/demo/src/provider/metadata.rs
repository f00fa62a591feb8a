//! The two documents that only publish: the metadata and the key set.

use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, bytes, with_header};
use super::request::SCOPES;
use super::shape::{Endpoint, Manner, Shape};
use super::state::State;

/// The metadata of OpenID Connect Discovery §3 and RFC 8414 §2, with those of the specifications named beside them.
pub(crate) fn metadata(state: &State, shape: Shape) -> Value {
    let address = |endpoint| shape.address(&state.issuer, endpoint);
    let generic = shape.manner == Manner::Generic;
    let mut metadata = json!({
        "issuer": shape.issuer(&state.issuer),
        "authorization_endpoint": address(Endpoint::Authorize),
        "token_endpoint": address(Endpoint::Token),
        "jwks_uri": address(Endpoint::Keys),
        "end_session_endpoint": address(Endpoint::EndSession),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", "password"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "acr_values_supported": ["1", "mfa", "c1"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "nbf", "exp", "auth_time", "nonce", "at_hash", "acr", "amr", "acrs", "sid",
            "name", "given_name", "family_name", "preferred_username", "email", "login_hint", "oid", "tid",
            "groups", "wids",
        ],
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        // OpenID Connect Front-Channel Logout §3 and Back-Channel Logout §2.1
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "backchannel_logout_supported": generic,
        "backchannel_logout_session_supported": generic,
        // RFC 9207 §3
        "authorization_response_iss_parameter_supported": shape.names_itself(),
    });
    if let Some(pushed) = address(Endpoint::Pushed) {
        // RFC 9126 §5
        metadata["pushed_authorization_request_endpoint"] = json!(pushed);
        metadata["require_pushed_authorization_requests"] = json!(state.faults.now().require_pushed);
    }
    metadata
}

/// The JWK set, or 304 to those who have it (RFC 9110 §13.1.2).
pub(crate) fn key_set(state: &State, headers: &HeaderMap) -> Answer {
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
