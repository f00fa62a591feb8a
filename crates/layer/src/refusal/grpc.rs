//! Refusals of gRPC calls: a response of header fields alone, with the refusal in `grpc-status` and `grpc-message`
//! ("Trailers-Only" in the gRPC protocol). Its HTTP status is 200; logs and metrics have the decision's.
//!
//! The header fields of the dialect stay: a client finds `www-authenticate` in the metadata of the call.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Refusal;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The characters that a message can't hold as they are, besides those outside ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The media type of the refusal of a request, if it is a gRPC call.
#[must_use]
pub fn media_type(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    if *method != Method::POST {
        return None;
    }
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
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

impl Refusal<'_> {
    /// Puts the fields into a response that a gRPC call is refused with. Its HTTP status is 200, and it has no body.
    pub fn write_grpc(&self, media_type: &HeaderValue, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, media_type.clone());
        headers.insert(&GRPC_STATUS, HeaderValue::from(code(self.status)));
        if let Some(message) = message(&[&*self.description, " ", &*self.remedy, " (", self.reason, ")"].concat()) {
            headers.insert(&GRPC_MESSAGE, message);
        }
    }
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

    fn fields(content_type: &'static str) -> HeaderMap {
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().collect()
    }

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
            let headers = fields(content_type);
            assert_eq!(
                media_type(&Method::POST, &headers).as_ref().map(|value| value.to_str().unwrap()),
                expected,
                "{content_type}"
            );
        }
        assert_eq!(media_type(&Method::GET, &fields("application/grpc")), None);
    }

    #[test]
    fn a_message_is_percent_encoded() {
        assert_eq!(message("100% \u{fc}\n ~").unwrap(), "100%25 %C3%BC%0A ~");
    }
}
