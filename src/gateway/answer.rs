//! What an upstream's answer must be like to be passed on.
//!
//! hyper resolves what RFC 9112 section 6.3 leaves a client to resolve, and keeps the fields as they came. Whoever reads
//! them after the gateway could resolve them otherwise, so an answer with ambiguous framing is refused with 502.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as _;

use crate::net::{Body, Present};

/// The rule that an answer breaks.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's answer {0}")]
pub(super) struct Unsound(&'static str);

/// Checks an answer, leaves it with the framing of its body alone, and tells which fields it came with.
pub(super) fn check(response: &mut Response<Body>, method: &Method) -> Result<Present, Unsound> {
    let status = response.status();
    if status.as_u16() >= 600 {
        return Err(Unsound("has a status beyond 599"));
    }
    let present = Present::in_answer(response.headers());
    if present.has(Present::SUSPECT) {
        return Err(Unsound("has a field that some read as another (content_length)"));
    }
    if present.has(Present::TRANSFER_ENCODING) || present.has(Present::CONTENT_LENGTH) {
        check_framing(response.headers())?;
    }
    if present.has(Present::CONTENT_LENGTH) {
        fix_length(response, method);
    }
    Ok(present)
}

/// Leaves the length that was announced if it is right.
fn fix_length(response: &mut Response<Body>, method: &Method) {
    let status = response.status();
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    // Without a body, the length is that of the answer to GET (RFC 9110 section 8.6).
    let bodiless = *method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let right = announced.is_some() && (bodiless || announced == response.body().size_hint().exact());
    if !right || status == StatusCode::NO_CONTENT {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}

fn check_framing(fields: &HeaderMap) -> Result<(), Unsound> {
    let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    if codings.next().is_some() || coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Unsound("has a transfer coding other than chunked"));
    }
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    let digits = |length: &http::HeaderValue| !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    if lengths.next().is_some() || length.is_some_and(|length| !digits(length)) {
        return Err(Unsound("has a Content-Length that is not one number"));
    }
    if coding.is_some() && length.is_some() {
        return Err(Unsound("has both Transfer-Encoding and Content-Length"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        status: u16,
        method: &Method,
        fields: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Option<bool> {
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let mut response = response.body(Body::full(body)).unwrap();
        check(&mut response, method).ok()?;
        Some(response.headers().contains_key(CONTENT_LENGTH))
    }

    #[test]
    fn ambiguous_answers_are_not_passed_on() {
        let get = &Method::GET;
        assert_eq!(checked(200, get, &[("content-length", "2")], "ok"), Some(true));
        assert_eq!(checked(200, get, &[("content-length", "20")], "ok"), Some(false));
        assert_eq!(checked(204, get, &[("content-length", "5")], ""), Some(false));
        assert_eq!(checked(200, &Method::HEAD, &[("content-length", "5")], ""), Some(true));
        for fields in [
            &[("content-length", "2, 2")][..],
            &[("content-length", "2"), ("content-length", "2")],
            &[("content-length", "+2")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked"), ("content-length", "2")],
            &[("content_length", "2")],
        ] {
            assert_eq!(checked(200, get, fields, "ok"), None, "{fields:?}");
        }
        assert_eq!(checked(600, get, &[], ""), None);
    }
}
