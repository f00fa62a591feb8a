//! The trailer fields that stop here.

use std::io;

use http::header::{self, HeaderMap, HeaderName};

use super::headers::{NOT_CONNECTION_SPECIFIC, is_padded, remove_hop_by_hop, remove_identity_fields, remove_spellings};

/// The proof of a token's key, which is judged in the header section alone.
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The largest trailer section, as HTTP/1.1 writes it, and the most fields in it.
pub(crate) const MAX_TRAILER_BYTES: usize = 8 << 10;
const MAX_TRAILERS: usize = 100;

/// Further fields that have a meaning only in a header section (RFC 9110 section 6.5.1): they direct, condition, secure
/// or describe a message.
const NOT_IN_TRAILERS: [HeaderName; 18] = [
    header::AGE,
    header::CACHE_CONTROL,
    header::CONTENT_RANGE,
    header::DATE,
    header::EXPECT,
    header::EXPIRES,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::RANGE,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::TRAILER,
    header::WWW_AUTHENTICATE,
];

/// Removes what may not stand in the trailer section of a request (RFC 9110 section 6.5.1). An upstream that merges
/// trailer and header section would take those fields for header fields, which were checked.
///
/// # Errors
///
/// As for [`clean_response`].
pub fn clean_request(trailers: &mut HeaderMap) -> io::Result<()> {
    remove_identity_fields(trailers);
    remove_spellings(trailers, &[DPOP]);
    clean_response(trailers)
}

/// Removes what may not stand in the trailer section of a response.
///
/// # Errors
///
/// If it is too large, or has values that HTTP/1.1 would change. The rest of the message is on its way by then, so it
/// is broken off.
pub fn clean_response(trailers: &mut HeaderMap) -> io::Result<()> {
    // Over HTTP/2, one was put in: see `http2::TrailerGuard`.
    trailers.remove(header::AGE);
    let size: usize = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_TRAILER_BYTES || trailers.len() > MAX_TRAILERS || trailers.values().any(is_padded) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the trailer section is too large, or a value has whitespace around it",
        ));
    }
    remove_hop_by_hop(trailers);
    for name in NOT_CONNECTION_SPECIFIC.iter().chain(&NOT_IN_TRAILERS) {
        trailers.remove(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_judged_in_the_header_section_is_no_trailer() {
        let mut trailers = HeaderMap::new();
        for name in
            ["dpop", "d_pop", "http_mfa_assertion", "http-remote-user", "mfa-assertion", "authorization", "x-sum"]
        {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        clean_request(&mut trailers).unwrap();
        assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
    }
}
