//! The issuer's logouts: back-channel, from its server; front-channel, in an iframe of its page.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;

use super::own_request::OwnRequest;
use crate::pages;
use crate::session::LogoutError;

/// OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8.
pub(super) async fn back_channel(request: OwnRequest<'_>) -> Response<Body> {
    let is_form = request.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let media = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let Some(token) = request.field("logout_token").filter(|_| is_form) else {
        return told(StatusCode::BAD_REQUEST, "logout_token is missing or repeated");
    };
    let sign_in = &request.door.sign_in;
    match sign_in.back_channel(&token).await {
        Ok(ended) => {
            tracing::info!(sign_in = %sign_in.settings().name, ended, "the issuer ended sessions");
            told(StatusCode::OK, "")
        }
        Err(error) => {
            let reason = mfa_gateway_core::chain(&error);
            tracing::warn!(sign_in = %sign_in.settings().name, reason, "a logout token was refused");
            match error {
                LogoutError::Token(mfa_gateway_layer::ClientVerifyError::KeysUnavailable) | LogoutError::Store(_) => {
                    told(StatusCode::SERVICE_UNAVAILABLE, "")
                }
                LogoutError::Token(_) => told(StatusCode::BAD_REQUEST, "the logout token is not valid"),
                LogoutError::Repeated => told(StatusCode::BAD_REQUEST, "the logout token was used before"),
            }
        }
    }
}

/// The response to the issuer's server. An error has the members of RFC 6749 section 5.2.
fn told(status: StatusCode, description: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if !description.is_empty() {
        let error = serde_json::json!({ "error": "invalid_request", "error_description": description });
        *response.body_mut() = Body::full(error.to_string());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// OpenID Connect Front-Channel Logout 1.0, section 3; Entra's form of it has `sid` alone. It ends the session that it names,
/// never the caller's: whoever asks has no cookie here.
pub(super) async fn front_channel(request: OwnRequest<'_>) -> Response<Body> {
    let sign_in = &request.door.sign_in;
    let sid = request.parameter("sid").filter(|sid| !sid.is_empty() && sid.len() <= 255);
    let names_issuer = url::form_urlencoded::parse(request.query.as_bytes()).any(|(name, _)| name == "iss");
    let issuer = request.parameter("iss");
    // An `iss` that stands twice is no `iss`, and not the same as none.
    let is_sound = !names_issuer || issuer.is_some();
    if let Some(sid) = sid.filter(|_| is_sound)
        && let Err(error) = sign_in.front_channel(&sid, issuer.as_deref()).await
    {
        tracing::warn!(sign_in = %sign_in.settings().name, error = mfa_gateway_core::chain(&error), "a front-channel logout failed");
    }
    pages::front_channel(&sign_in.issuer_origin().unwrap_or_default(), StatusCode::OK)
}
