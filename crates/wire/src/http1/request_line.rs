//! The first line of an HTTP/1.1 request, read strictly (RFC 9112 section 3).

use http::Uri;

use super::head::Fault;
use crate::fields::line::is_token;

const REQUEST_LINE: Fault =
    "The request line is not a method, a target and HTTP/1.1, separated by single spaces (RFC 9112 section 3).";

/// Checks a request line, without its CRLF. Returns whether the version has the chunked coding: HTTP/1.1 has it,
/// HTTP/1.0 hasn't.
pub(super) fn check(line: &[u8]) -> Result<bool, Fault> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(REQUEST_LINE);
    };
    let sound = !method.is_empty()
        && method.iter().all(|&byte| is_token(byte))
        && is_target(target)
        && matches!(version, b"HTTP/1.1" | b"HTTP/1.0");
    if sound { Ok(version == b"HTTP/1.1") } else { Err(REQUEST_LINE) }
}

/// Whether hyper's parser accepts this target: it answers any other with a bare 400, which no layer sees.
fn is_target(target: &[u8]) -> bool {
    let plain = |&byte: &u8| is_token(byte) && !matches!(byte, b'#' | b'`') || b"/?:@=,;()".contains(&byte);
    let sound = |&byte: &u8| byte.is_ascii_graphic() && byte != b'#';
    // Most are a path of ordinary characters.
    target.starts_with(b"/") && target.iter().all(plain) || target.iter().all(sound) && Uri::try_from(target).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_passes_that_the_parser_refuses() {
        for byte in 0..=u8::MAX {
            for before in [&b"/"[..], b"/?", b"", b"http://a/", b"http://a/?"] {
                let target = [before, &[byte], b"x"].concat();
                let sound = byte.is_ascii_graphic() && byte != b'#' && Uri::try_from(&target[..]).is_ok();
                assert_eq!(is_target(&target), sound, "{}", String::from_utf8_lossy(&target));
            }
        }
    }

    #[test]
    fn request_lines_are_exact() {
        for bad in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET /",
            "GET / HTTP/2.0",
            "GET / http/1.1",
            "GET / HTTP/1.10",
            "GET /#x HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET\t/\tHTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET http:/x HTTP/1.1",
            "GET ? HTTP/1.1",
            "GET /x?\" HTTP/1.1",
            "GET /`x HTTP/1.1",
        ] {
            assert_eq!(check(bad.as_bytes()), Err(REQUEST_LINE), "{bad:?}");
        }
        for target in ["/", "/a-b_c.d~e/%41?x=1&y={z}|^", "*", "a:443", "http://a/b?c", "http://a"] {
            assert_eq!(check(format!("GET {target} HTTP/1.1").as_bytes()), Ok(true), "{target}");
            assert_eq!(check(format!("GET {target} HTTP/1.0").as_bytes()), Ok(false), "{target}");
        }
    }
}
