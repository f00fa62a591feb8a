//! Which fields may stand behind a body.

use std::io;

use http::header::{self, HeaderMap, HeaderName};

use super::headers::{NOT_CONNECTION_SPECIFIC, is_padded, remove_guarded, remove_hop_by_hop};

/// The largest trailer section, as HTTP/1.1 would write it, and the most fields in it.
pub(super) const MAX_TRAILER_BYTES: usize = 8 << 10;
const MAX_TRAILERS: usize = 100;

/// Further fields that mean something only in a header section (RFC 9110 section 6.5.1): they direct, condition, secure or
/// describe a message.
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

/// Removes trailer fields that mean something only in a header section (RFC 9110 section 6.5.1): whoever merges the two
/// would take them for what was judged.
///
/// # Errors
///
/// As for [`clean_response`].
pub fn clean_request(trailers: &mut HeaderMap) -> io::Result<()> {
    remove_guarded(trailers);
    clean_response(trailers)
}

/// The same for a response's trailers.
///
/// # Errors
///
/// If they are too large, or have values that HTTP/1.1 would change. The rest of the message is on its way by then, so it
/// is broken off.
pub fn clean_response(trailers: &mut HeaderMap) -> io::Result<()> {
    let size: usize = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > MAX_TRAILER_BYTES || trailers.len() > MAX_TRAILERS || trailers.values().any(is_padded) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the trailers are too large, or have padded values"));
    }
    remove_hop_by_hop(trailers);
    for name in NOT_CONNECTION_SPECIFIC.iter().chain(&NOT_IN_TRAILERS) {
        trailers.remove(name);
    }
    Ok(())
}
