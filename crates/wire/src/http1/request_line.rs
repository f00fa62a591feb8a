//! The first line of an HTTP/1.1 request, read strictly (RFC 9112 section 3).

use http::Uri;
use memchr::memchr_iter;

use super::head::Fault;
use crate::fields::line::is_token;

const REQUEST_LINE: Fault =
    "The request line is not a method, a target and HTTP/1.1, separated by single spaces (RFC 9112 section 3).";

// Each says what is wrong with a target, so that its sender finds it.
const PATH_NOT_ASCII: Fault = "The path contains a character that is not ASCII: percent-encode its bytes in UTF-8, as in \
                               %C3%A9 (RFC 3986 section 2.1).";
/// A query that RFC 3986 doesn't allow. HTTP/2 has no request line, so this is checked there, too.
pub const QUERY_NOT_ASCII: Fault = "The query contains a character that is not ASCII: percent-encode its bytes in UTF-8, as \
                                in %C3%A9 (RFC 3986 section 2.1).";
const FRAGMENT: Fault = "The target contains a number sign (#), which begins a fragment: send none, or percent-encode it \
                         as %23 (RFC 3986 section 3.5).";
const SPACE: Fault = "The request line has more than two spaces: percent-encode a space in the target as %20, and send \
                      nothing after the version (RFC 9112 section 3).";
const CONTROL: Fault = "The target contains a control character: percent-encode it (RFC 3986 section 2.1).";
const CHARACTER: Fault = "The target contains a character that must be percent-encoded, such as a quotation mark, an angle \
                          bracket or a grave accent, or is not a path or a URL (RFC 3986 section 2).";

/// Checks a request line, without its CRLF. Returns whether the version has the chunked coding: HTTP/1.1 has it,
/// HTTP/1.0 hasn't.
pub(super) fn check(line: &[u8]) -> Result<bool, Fault> {
    let mut spaces = memchr_iter(b' ', line);
    let (Some(first), Some(second), None) = (spaces.next(), spaces.next(), spaces.next()) else {
        return Err(fault_of_parts(line));
    };
    let (method, target, version) = (&line[..first], &line[first + 1..second], &line[second + 1..]);
    let sound =
        !method.is_empty() && method.iter().all(|&byte| is_token(byte)) && matches!(version, b"HTTP/1.1" | b"HTTP/1.0");
    match (sound, is_target(target)) {
        (true, true) => Ok(version == b"HTTP/1.1"),
        (true, false) => Err(fault_of(target)),
        (false, _) => Err(REQUEST_LINE),
    }
}

/// Checks a method and a target (in origin form) that stand in no request line.
///
/// # Errors
///
/// What is wrong with them.
pub fn check_question(method: &[u8], target: &[u8]) -> Result<(), &'static str> {
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err("The method is not a token (RFC 9110 section 9.1).");
    }
    if !is_target(target) {
        return Err(fault_of(target));
    }
    if !target.starts_with(b"/") {
        return Err("The target is not a path with its query (RFC 9112 section 3.2.1).");
    }
    Ok(())
}

/// The fault of a line that doesn't have three parts.
#[cold]
fn fault_of_parts(line: &[u8]) -> Fault {
    let method = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_request = !method.is_empty() && method.iter().all(|&byte| is_token(byte));
    let parts = line.split(|&byte| byte == b' ').count();
    let has_version = line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0");
    if is_request && parts > 3 && has_version { SPACE } else { REQUEST_LINE }
}

/// The fault of a target.
#[cold]
fn fault_of(target: &[u8]) -> Fault {
    let in_query = |at: usize| target.iter().take(at).any(|&byte| byte == b'?');
    match target.iter().position(|&byte| !byte.is_ascii_graphic() || byte == b'#') {
        Some(at) if target.get(at).is_some_and(u8::is_ascii) => {
            if target.get(at) == Some(&b'#') {
                FRAGMENT
            } else {
                CONTROL
            }
        }
        Some(at) => {
            if in_query(at) {
                QUERY_NOT_ASCII
            } else {
                PATH_NOT_ASCII
            }
        }
        None if target.is_empty() => REQUEST_LINE,
        None => CHARACTER,
    }
}

/// Whether hyper's parser accepts this target: it answers any other with a bare 400, which no layer sees.
fn is_target(target: &[u8]) -> bool {
    let sound = |&byte: &u8| byte.is_ascii_graphic() && byte != b'#';
    // Most are a path of ordinary characters. Without an early return, the compiler looks at several at once.
    let is_plain = target.iter().fold(true, |plain, &byte| plain & PLAIN[usize::from(byte)]);
    target.starts_with(b"/") && is_plain || target.iter().all(sound) && Uri::try_from(target).is_ok()
}

/// The characters that may stand anywhere in a path and its query.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"/?:@=,;()";
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = is_token(byte) && byte != b'#' && byte != b'`';
        byte += 1;
    }
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

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
        for (bad, fault) in [
            ("GET  / HTTP/1.1", SPACE),
            ("GET / HTTP/1.1 ", REQUEST_LINE),
            (" GET / HTTP/1.1", REQUEST_LINE),
            ("GET  HTTP/1.1", REQUEST_LINE),
            ("GET /", REQUEST_LINE),
            ("GET / HTTP/2.0", REQUEST_LINE),
            ("GET / http/1.1", REQUEST_LINE),
            ("GET / HTTP/1.10", REQUEST_LINE),
            ("G(T / HTTP/1.1", REQUEST_LINE),
            ("GET\t/\tHTTP/1.1", REQUEST_LINE),
            ("GET /a b HTTP/1.1", SPACE),
            ("GET /#x HTTP/1.1", FRAGMENT),
            ("GET /\u{e9} HTTP/1.1", PATH_NOT_ASCII),
            ("GET /x?q=\u{65e5} HTTP/1.1", QUERY_NOT_ASCII),
            ("GET /\u{e9}?q=\u{e9} HTTP/1.1", PATH_NOT_ASCII),
            ("GET /x\u{7f} HTTP/1.1", CONTROL),
            ("GET /x?\t HTTP/1.1", CONTROL),
            ("GET http:///x HTTP/1.1", CHARACTER),
            ("GET http:/x HTTP/1.1", CHARACTER),
            ("GET ? HTTP/1.1", CHARACTER),
            ("GET /x?\" HTTP/1.1", CHARACTER),
            ("GET /`x HTTP/1.1", CHARACTER),
        ] {
            assert_eq!(check(bad.as_bytes()), Err(fault), "{bad:?}");
        }
        assert_eq!(check(b"GET /\xff HTTP/1.1"), Err(PATH_NOT_ASCII));
        for target in ["/", "/a-b_c.d~e/%41?x=1&y={z}|^", "*", "a:443", "http://a/b?c", "http://a"] {
            assert_eq!(check(format!("GET {target} HTTP/1.1").as_bytes()), Ok(true), "{target}");
            assert_eq!(check(format!("GET {target} HTTP/1.0").as_bytes()), Ok(false), "{target}");
        }
    }
}
