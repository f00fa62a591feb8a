//! The head of an HTTP/1.1 request, read strictly (RFC 9112).
//!
//! hyper's parser is lenient where RFC 9112 lets a recipient be: it takes a bare LF for a line's end, drops a fragment, and
//! resolves a `Content-Length` beside `Transfer-Encoding`. Whoever reads such a head otherwise sees another request. So
//! heads are checked before the parser sees them, and these are refused.

use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use memchr::memchr;

/// How the body that follows a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// Which rule a head breaks. The texts are public.
pub(super) type Fault = &'static str;

pub(super) const LINE_END: Fault =
    "A line of the head does not end in CRLF, or holds a control character (RFC 9112 section 2.2).";
const REQUEST_LINE: Fault =
    "The request line is not a method, a target and HTTP/1.1, each one space apart (RFC 9112 section 3).";
const FIELD: Fault = "A header field is not a name, a colon and a value on one line (RFC 9112 section 5).";
const LENGTH: Fault = "Content-Length is not one decimal number (RFC 9112 section 6.3).";
const CODING: Fault = "The only transfer coding that is accepted is chunked, in HTTP/1.1 (RFC 9112 section 6.1).";
const BOTH: Fault = "There are both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).";

/// Reads a head line by line as its bytes come, and each line once.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// How far it has been read, and where the line begins that isn't whole yet.
    read: usize,
    line_at: usize,
    fields: usize,
    /// What the first line says of it.
    chunked_allowed: bool,
    length: Option<u64>,
    chunked: bool,
}

impl HeadReader {
    /// Reads on in the head that `bytes` begin with, and tells where it ends, once it is whole. `first` checks its first
    /// line, and tells whether the version has the chunked coding.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        first: impl FnOnce(&[u8]) -> Result<bool, Fault>,
    ) -> Result<Option<usize>, Fault> {
        let mut first = Some(first);
        let (begin, mut lines, mut ended) = (self.line_at, 0, None);
        while let (None, Some(found)) = (ended, memchr(b'\n', &bytes[self.read..])) {
            let end = self.read + found + 1;
            let line = bytes[self.line_at..end].strip_suffix(b"\r\n").ok_or(LINE_END)?;
            let first = first.take().filter(|_| self.line_at == 0);
            (self.read, self.line_at) = (end, end);
            lines += 1;
            match first {
                Some(first) => self.chunked_allowed = first(line)?,
                None if line.is_empty() => ended = Some(end),
                None => self.note(line)?,
            }
        }
        // Two end each line. Counted over all of them at once, since most lines are short.
        if count_controls(&bytes[begin..self.line_at]) != 2 * lines {
            return Err(LINE_END);
        }
        if ended.is_none() {
            self.read = bytes.len();
        }
        Ok(ended)
    }

    /// Whether no line has been whole yet.
    pub(super) fn is_at_first(&self) -> bool {
        self.line_at == 0
    }

    /// How many fields there were.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// How the fields frame the body; `None` if they don't say.
    pub(super) fn framing(&self) -> Result<Option<Framing>, Fault> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(BOTH),
            (true, None) => Ok(Some(Framing::Chunked)),
            (false, length) => Ok(length.map(Framing::Length)),
        }
    }

    /// Checks a field, and notes how it frames the body.
    fn note(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.fields += 1;
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.replace(read_length(value.trim_ascii())?).is_some() {
                return Err(LENGTH);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            if self.chunked || !self.chunked_allowed || !is_chunked {
                return Err(CODING);
            }
            self.chunked = true;
        }
        Ok(())
    }
}

/// The fields of a whole head. `None` if it isn't one.
pub(super) fn fields(head: &[u8]) -> Option<HeaderMap> {
    let lines = head.strip_suffix(b"\r\n\r\n")?.split(|&byte| byte == b'\n').skip(1);
    let mut fields = HeaderMap::new();
    for line in lines {
        let (name, value) = parsed(line)?;
        fields.try_append(name, value).ok()?;
    }
    Some(fields)
}

/// The field of a line without its CRLF, if it is one.
pub(super) fn parsed(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = field(line).ok()?;
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
}

/// The request without a body whose whole head this is. `None` if it isn't one.
pub(super) fn request(head: &[u8]) -> Option<Request<()>> {
    let mut parts = head.split(|&byte| byte == b' ');
    let mut request = Request::builder().method(parts.next()?).uri(parts.next()?).body(()).ok()?;
    *request.headers_mut() = fields(head)?;
    Some(request)
}

/// Checks a request line, and tells whether it is of HTTP/1.1.
pub(super) fn check_request(line: &[u8]) -> Result<bool, Fault> {
    Ok(check_request_line(line)? == b"HTTP/1.1")
}

/// How many control characters there are, but for tabs.
fn count_controls(bytes: &[u8]) -> usize {
    let control = |byte: u8| u8::from(byte == 0x7f) | (u8::from(byte < 0x20) & u8::from(byte != b'\t'));
    // Without an early end or a branch, and with counts that fit a byte, the compiler looks at many bytes at once.
    let parts = bytes.chunks(240).map(|part| part.iter().fold(0, |count: u8, &byte| count.wrapping_add(control(byte))));
    parts.map(usize::from).sum()
}

/// Splits a field's line (RFC 9112 section 5): nothing stands before the name or between it and the colon.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let end = line.iter().position(|&byte| !is_token(byte)).unwrap_or(line.len());
    match line.split_at(end) {
        ([_, ..], [b':', value @ ..]) => Ok((&line[..end], value)),
        _ => Err(FIELD),
    }
}

/// The version, if the line is a method, a target and a known version.
fn check_request_line(line: &[u8]) -> Result<&[u8], Fault> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(REQUEST_LINE);
    };
    let sound = !method.is_empty()
        && method.iter().all(|&byte| is_token(byte))
        && is_target(target)
        && matches!(version, b"HTTP/1.1" | b"HTTP/1.0");
    if sound { Ok(version) } else { Err(REQUEST_LINE) }
}

/// Whether this is a target that can be read: what the parser behind refuses it answers with a bare 400.
fn is_target(target: &[u8]) -> bool {
    let plain = |&byte: &u8| is_token(byte) && !matches!(byte, b'#' | b'`') || b"/?:@=,;()".contains(&byte);
    let sound = |&byte: &u8| byte.is_ascii_graphic() && byte != b'#';
    // Most are a path of ordinary characters.
    target.starts_with(b"/") && target.iter().all(plain) || target.iter().all(sound) && Uri::try_from(target).is_ok()
}

fn read_length(value: &[u8]) -> Result<u64, Fault> {
    // 18 digits are more than any body has, and can't overflow.
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(LENGTH);
    }
    Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"!#$%&'*+-.^_`|~";
    let mut byte = u8::MAX;
    while byte > 0 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte -= 1;
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

    fn check(head: &[u8]) -> Result<Framing, Fault> {
        let mut reader = HeadReader::default();
        assert_eq!(reader.read(head, check_request)?, Some(head.len()));
        Ok(reader.framing()?.unwrap_or(Framing::Length(0)))
    }

    fn of(fields: &str) -> Result<Framing, Fault> {
        check(format!("POST /v1?q HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn framing_is_one_length_or_chunked() {
        assert_eq!(of(""), Ok(Framing::Length(0)));
        assert_eq!(of("Content-Length: 12\r\n"), Ok(Framing::Length(12)));
        assert_eq!(of("transfer-encoding:\tCHUNKED \r\n"), Ok(Framing::Chunked));
        for bad in ["+1", "-1", "0x1", "1, 1", "1 1", "", "9999999999999999999", "1_0", "\u{661}"] {
            assert_eq!(of(&format!("Content-Length: {bad}\r\n")), Err(LENGTH), "{bad}");
        }
        assert_eq!(of("Content-Length: 1\r\nContent-Length: 1\r\n"), Err(LENGTH));
        for bad in ["gzip, chunked", "chunked, chunked", "identity", "", "xchunked", "chunked;q=1", "\"chunked\""] {
            assert_eq!(of(&format!("Transfer-Encoding: {bad}\r\n")), Err(CODING), "{bad}");
        }
        assert_eq!(of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Err(CODING));
        assert_eq!(of("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), Err(BOTH));
        assert_eq!(check(b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(CODING));
    }

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
    fn lines_and_fields_are_exact() {
        for bad in [
            "X: a\n",
            "X: a\rb\r\n",
            "X: a\0\r\n",
            " X: a\r\n",
            "X : a\r\n",
            ": a\r\n",
            "X\r\n",
            "X: a\r\n b\r\n",
            "X\u{e9}: a\r\n",
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
        assert!(of("X: \u{e9} a\tb\r\n").is_ok());
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
            assert_eq!(check(format!("{bad}\r\nHost: a\r\n\r\n").as_bytes()), Err(REQUEST_LINE), "{bad:?}");
        }
        for target in ["/", "/a-b_c.d~e/%41?x=1&y={z}|^", "*", "a:443", "http://a/b?c", "http://a"] {
            assert!(check(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).is_ok(), "{target}");
        }
    }
}
