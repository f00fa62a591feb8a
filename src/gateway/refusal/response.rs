//! A refusal as a response.

use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION,
};
use http::{HeaderMap, HeaderValue, Response, Version};
use hyper::ext::ReasonPhrase;
use mfa_gateway_core::policy::{Denial, Dialect};
use mfa_gateway_layer::Refusal;
use mfa_gateway_wire::Body;

use super::texts::texts;
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
    let refusal = refusal(rejection);
    let mut response = match &asked.grpc {
        Some(media_type) => {
            let mut response = Response::new(Body::empty());
            refusal.write_grpc(media_type, response.headers_mut());
            response
        }
        None => worded(&refusal, settings, ids),
    };
    let headers = response.headers_mut();
    refusal.write_fields(headers, settings);
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    add_remedies(headers, &rejection.reason);
    rejection.preview.write(headers);
    if let Some(grant) = &rejection.grant {
        grant.write(headers);
        if asked.grpc.is_some() {
            headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("grpc-status, grpc-message"));
        }
    }
    if refusal.is_mfa() && asked.version <= Version::HTTP_11 && asked.grpc.is_none() {
        response.extensions_mut().insert(ReasonPhrase::from_static(b"Unauthorized - MFA required"));
    }
    response
}

/// The facts of a refusal.
fn refusal(rejection: &Rejection) -> Refusal<'_> {
    let refusal = if let Reason::Denied(denial) = rejection.reason {
        Refusal::denied(denial, rejection.proof.as_deref(), rejection.rule())
    } else {
        let (description, remedy) = texts(rejection);
        Refusal::new(rejection.reason.status(), rejection.reason.code(), description, remedy)
    };
    let refusal = refusal.described_at(rejection.route.as_ref().and_then(|route| route.metadata.as_deref()));
    let refusal =
        refusal.about(rejection.customer()).worded(rejection.dialect()).compliant(rejection.preview.compliant);
    match rejection.place().filter(|_| rejection.reason == Reason::Denied(Denial::NoCredential)) {
        Some(place) => {
            refusal.remedied_by(format!("Send the token in {place}. This route takes it from no other place."))
        }
        None => refusal,
    }
}

/// The refusal with its body, in the dialect of HTTP clients. Partner Center's uses the chunked coding.
fn worded(refusal: &Refusal<'_>, settings: &Refusals, ids: &Ids) -> Response<Body> {
    let body = refusal.body(settings, ids.request.to_str().unwrap_or_default());
    let body = match refusal.dialect() {
        Dialect::PartnerCenter => Body::chunked(body),
        Dialect::Oauth => Body::full(body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = refusal.status();
    response.headers_mut().insert(CONTENT_TYPE, refusal.media_type());
    response
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
