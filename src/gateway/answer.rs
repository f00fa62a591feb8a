//! The requirements for an upstream's response to be forwarded.
//!
//! hyper resolves the cases that RFC 9112 section 6.3 leaves to a client, and keeps the fields as received. A client
//! that reads them after the gateway could resolve them differently, so a response with ambiguous framing is refused
//! with 502.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;

use mfa_gateway_wire::{Body, Presence};

/// The rule that a response breaks.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's response {0}")]
pub(super) struct Unsound(&'static str);

/// Checks a response, leaves only the framing of its body, and returns which fields it arrived with.
pub(super) fn check(response: &mut Response<Body>, method: &Method) -> Result<Presence, Unsound> {
    let status = response.status();
    if status.as_u16() >= 600 {
        return Err(Unsound("has a status above 599"));
    }
    let present = Presence::in_response(response.headers());
    if present.has(Presence::SUSPECT) {
        return Err(Unsound("has a header field that some servers read as Content-Length (content_length)"));
    }
    if present.has(Presence::FRAMING) {
        check_framing(response, method, present)?;
    }
    Ok(present)
}

/// Refuses ambiguous framing, and keeps the announced length if it is right.
fn check_framing(response: &mut Response<Body>, method: &Method, present: Presence) -> Result<(), Unsound> {
    let fields = response.headers();
    if present.has(Presence::TRANSFER_ENCODING) {
        let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
        let chunked = codings.next().is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        if codings.next().is_some() || !chunked {
            return Err(Unsound("has a transfer coding other than chunked"));
        }
        if present.has(Presence::CONTENT_LENGTH) {
            return Err(Unsound("has both Transfer-Encoding and Content-Length"));
        }
        return Ok(());
    }
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let (Some((written, length)), None) = (lengths.next().and_then(number), lengths.next()) else {
        return Err(Unsound("has a Content-Length that is not one number"));
    };
    let plain = written.len() == 1 || !written.starts_with(b"0");
    let status = response.status();
    // Without a body, the length is that of the response to GET (RFC 9110 section 8.6).
    let bodiless = *method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let right = bodiless || response.body().size_hint().exact() == Some(length);
    if !right || status == StatusCode::NO_CONTENT {
        response.headers_mut().remove(CONTENT_LENGTH);
    } else if !plain {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    Ok(())
}

/// The number that a value writes in digits, and the digits.
fn number(value: &HeaderValue) -> Option<(&[u8], u64)> {
    let next = |number: u64, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    let digits = value.as_bytes();
    if digits.is_empty() { None } else { Some((digits, digits.iter().try_fold(0, next)?)) }
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
