//! A refusal as a response.

use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, Version};
use hyper::ext::ReasonPhrase;
use mfa_gateway_core::policy::{Denial, Dialect};
use mfa_gateway_core::token::Check;
use mfa_gateway_wire::Body;

use super::{body, grpc, oauth, partner_center};
use crate::gateway::ids::Ids;
use crate::gateway::{Reason, Refusals, Rejection, upgrade};

/// What of a request the form of its refusal depends on.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    /// The media type of a gRPC call.
    pub(crate) grpc: Option<HeaderValue>,
}

/// Words a refusal.
pub(crate) fn response(
    rejection: &Rejection,
    settings: &Refusals,
    ids: &Ids,
    asked: &Asked,
    close: bool,
) -> Response<Body> {
    let dialect = rejection.dialect();
    let mut response = match &asked.grpc {
        Some(media_type) => grpc::response(rejection, media_type),
        None => worded(rejection, settings, ids, dialect),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(context) = &settings.request_context {
        headers.insert("request-context", context.clone());
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    add_reason_headers(headers, rejection, dialect);
    rejection.preview.write(headers);
    if let Some(grant) = &rejection.grant {
        grant.write(headers);
        if asked.grpc.is_some() {
            headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("grpc-status, grpc-message"));
        }
    }
    if is_mfa(&rejection.reason) && asked.version <= Version::HTTP_11 && asked.grpc.is_none() {
        response.extensions_mut().insert(ReasonPhrase::from_static(b"Unauthorized - MFA required"));
    }
    response
}

/// The refusal with its body, in the dialect of HTTP clients.
fn worded(rejection: &Rejection, settings: &Refusals, ids: &Ids, dialect: Dialect) -> Response<Body> {
    let body = body::write(rejection, settings, ids, dialect);
    let (body, media_type) = match dialect {
        Dialect::PartnerCenter => (partner_center::framed(body), partner_center::MEDIA_TYPE),
        Dialect::Oauth => (oauth::framed(body), oauth::MEDIA_TYPE),
    };
    let mut response = Response::new(body);
    *response.status_mut() = rejection.reason.status();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn add_reason_headers(headers: &mut HeaderMap, rejection: &Rejection, dialect: Dialect) {
    if let Reason::Denied(denial) = &rejection.reason
        && let Some(challenge) = challenge(*denial, rejection, dialect)
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    add_remedies(headers, &rejection.reason);
}

/// The fields that say what would be accepted instead, and when.
pub(crate) fn add_remedies(headers: &mut HeaderMap, reason: &Reason) {
    if let Some(seconds) = reason.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    match reason {
        Reason::MethodNotAllowed(methods) => {
            let methods = methods.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", ");
            if let Ok(value) = HeaderValue::from_str(&methods) {
                headers.insert(ALLOW, value);
            }
        }
        Reason::WebSocketVersion => {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            upgrade::announce(headers);
        }
        _ => {}
    }
}

fn is_mfa(reason: &Reason) -> bool {
    matches!(reason, Reason::Denied(denial) if denial.check() == Check::Mfa)
}

/// The one challenge of a refusal (RFC 6750 section 3). The gateway's own failures have none.
fn challenge(denial: Denial, rejection: &Rejection, dialect: Dialect) -> Option<HeaderValue> {
    match (denial, dialect) {
        (Denial::NoCredential, _) => Some(HeaderValue::from_static("Bearer")),
        (Denial::KeysUnavailable | Denial::SessionsUnavailable, _) => None,
        (_, Dialect::PartnerCenter) => partner_center::challenge(rejection.reason.status()),
        (_, Dialect::Oauth) => oauth::challenge(denial, rejection),
    }
}
