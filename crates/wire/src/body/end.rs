//! The end of a body over HTTP/2.

use std::io;

use http_body::Body;

/// Checks a body over HTTP/2 that gave its last frame.
///
/// A stream that is reset with `NO_ERROR`, or that its connection leaves behind with that code, is at its end for hyper:
/// a server may reset a stream so behind a whole response (RFC 9113 section 8.1). The body has ended only if its last
/// frame came.
///
/// # Errors
///
/// If the stream ended before the body did.
pub fn check_end(body: &impl Body) -> io::Result<()> {
    if body.is_end_stream() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ended before its body"))
}
