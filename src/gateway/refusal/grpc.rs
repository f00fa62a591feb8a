//! Refusals of gRPC calls: a response of header fields alone, with the refusal in `grpc-status` and `grpc-message`
//! ("Trailers-Only" in the gRPC protocol). Its HTTP status is 200; logs and metrics have the decision's.
//!
//! The header fields of the dialect stay: a client finds `www-authenticate` in the metadata of the call.

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use mfa_gateway_wire::Body;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::texts::texts;
use crate::gateway::Rejection;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The characters that a message can't hold as they are, besides those outside ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The media type of the refusal of a request, if it is a gRPC call.
pub(crate) fn media_type(request: &Request<Body>) -> Option<HeaderValue> {
    if *request.method() != Method::POST {
        return None;
    }
    let value = request.headers().get(CONTENT_TYPE)?.as_bytes();
    let named = |media_type: &str| {
        let (start, rest) = value.split_at_checked(media_type.len())?;
        let ends = matches!(rest.first(), None | Some(b'+' | b';' | b' '));
        (ends && start.eq_ignore_ascii_case(media_type.as_bytes())).then_some(())
    };
    ["application/grpc", "application/grpc-web", "application/grpc-web-text"]
        .into_iter()
        .find(|media_type| named(media_type).is_some())
        .map(HeaderValue::from_static)
}

/// The refusal without a body.
pub(super) fn response(rejection: &Rejection, media_type: &HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type.clone());
    headers.insert(&GRPC_STATUS, HeaderValue::from(code(rejection.reason.status())));
    let (description, remedy) = texts(rejection);
    if let Some(message) = message(&[&*description, " ", &*remedy, " (", rejection.reason.code(), ")"].concat()) {
        headers.insert(&GRPC_MESSAGE, message);
    }
    response
}

fn message(text: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(utf8_percent_encode(text, ENCODED).to_string()).ok()
}

/// The gRPC status for an HTTP status. Where a client would derive one from the HTTP status, it is the same.
fn code(status: StatusCode) -> u16 {
    match status.as_u16() {
        // CANCELLED: the call's messages stopped.
        408 => 1,
        // PERMISSION_DENIED
        403 => 7,
        // RESOURCE_EXHAUSTED
        413 | 414 | 429 | 431 => 8,
        // UNIMPLEMENTED
        404 | 405 => 12,
        // INTERNAL
        400 | 417 | 426 => 13,
        // UNAVAILABLE
        502..=504 => 14,
        // UNAUTHENTICATED
        401 => 16,
        // UNKNOWN
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_media_type() {
        for (content_type, expected) in [
            ("application/grpc", Some("application/grpc")),
            ("application/grpc+proto", Some("application/grpc")),
            ("Application/gRPC; charset=x", Some("application/grpc")),
            ("application/grpc-web+proto", Some("application/grpc-web")),
            ("application/grpc-web-text", Some("application/grpc-web-text")),
            ("application/grpcx", None),
            ("application/json", None),
        ] {
            let request = Request::post("/").header(CONTENT_TYPE, content_type).body(Body::empty()).unwrap();
            assert_eq!(media_type(&request).as_ref().map(|value| value.to_str().unwrap()), expected, "{content_type}");
        }
        let get = Request::get("/").header(CONTENT_TYPE, "application/grpc").body(Body::empty()).unwrap();
        assert_eq!(media_type(&get), None);
    }

    #[test]
    fn a_message_is_percent_encoded() {
        assert_eq!(message("100% \u{fc}\n ~").unwrap(), "100%25 %C3%BC%0A ~");
    }
}
