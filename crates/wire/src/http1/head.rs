//! The head of an HTTP/1.1 message, read strictly (RFC 9112).
//!
//! hyper's parser is lenient where RFC 9112 lets a recipient be: it takes a bare LF for the end of a line, drops a
//! fragment, and resolves a `Content-Length` beside `Transfer-Encoding`. A server that reads such a head in another way
//! sees another message. So heads are checked before hyper sees them, and these are refused.

use http::{HeaderMap, Request};
use memchr::memchr;

use crate::fields::line;

/// How the body that follows a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its number of bytes.
    Length(u64),
    /// In the chunked coding.
    Chunked,
}

/// The rule that a head breaks. Refusals quote these texts.
pub(crate) type Fault = &'static str;

pub(crate) const LINE_END: Fault =
    "A line of the head does not end in CRLF, or contains a control character (RFC 9112 section 2.2).";
const FIELD: Fault = "A header field is not a name, a colon and a value on one line (RFC 9112 section 5).";
const LENGTH: Fault = "Content-Length is not one decimal number (RFC 9112 section 6.3).";
const CODING: Fault = "The only accepted transfer coding is chunked, in HTTP/1.1 (RFC 9112 section 6.1).";
const BOTH: Fault = "The request has both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).";

/// Reads a head line by line as its bytes come, and each line once.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    /// How far the head has been read, and where the line begins that isn't whole yet.
    read: usize,
    line_at: usize,
    fields: usize,
    /// Whether the version in the first line has the chunked coding.
    chunked_allowed: bool,
    length: Option<u64>,
    chunked: bool,
}

impl HeadReader {
    /// Reads on in the head at the beginning of `bytes`. Returns where it ends, once it is whole. `first` checks the
    /// first line, and returns whether the version has the chunked coding.
    pub(crate) fn read(
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
        // Each line ends in two. They are counted in all lines at once, since most lines are short.
        if count_controls(&bytes[begin..self.line_at]) != 2 * lines {
            return Err(LINE_END);
        }
        if ended.is_none() {
            self.read = bytes.len();
        }
        Ok(ended)
    }

    /// Whether no line has been whole yet.
    pub(crate) fn is_at_first(&self) -> bool {
        self.line_at == 0
    }

    /// How many fields have come.
    pub(crate) fn fields(&self) -> usize {
        self.fields
    }

    /// How the fields frame the body, or `None` if they don't.
    pub(crate) fn framing(&self) -> Result<Option<Framing>, Fault> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(BOTH),
            (true, None) => Ok(Some(Framing::Chunked)),
            (false, length) => Ok(length.map(Framing::Length)),
        }
    }

    /// Checks a field, and notes how it frames the body.
    fn note(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.fields += 1;
        let (name, value) = line::split(line).ok_or(FIELD)?;
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

/// The fields of a whole head, or `None` if it isn't one.
pub(crate) fn fields(head: &[u8]) -> Option<HeaderMap> {
    let lines = head.strip_suffix(b"\r\n\r\n")?.split(|&byte| byte == b'\n').skip(1);
    let mut fields = HeaderMap::new();
    for line in lines {
        let (name, value) = line::parse(line)?;
        fields.try_append(name, value).ok()?;
    }
    Some(fields)
}

/// The request without a body that has this head, or `None` if it isn't a whole head.
pub(crate) fn request(head: &[u8]) -> Option<Request<()>> {
    let mut parts = head.split(|&byte| byte == b' ');
    let mut request = Request::builder().method(parts.next()?).uri(parts.next()?).body(()).ok()?;
    *request.headers_mut() = fields(head)?;
    Some(request)
}

/// How many control characters there are, not counting tabs.
fn count_controls(bytes: &[u8]) -> usize {
    let control = |byte: u8| u8::from(byte == 0x7f) | (u8::from(byte < 0x20) & u8::from(byte != b'\t'));
    // Without an early return or a branch, and with counts that fit a byte, the compiler vectorises this.
    let parts = bytes.chunks(240).map(|part| part.iter().fold(0, |count: u8, &byte| count.wrapping_add(control(byte))));
    parts.map(usize::from).sum()
}

fn read_length(value: &[u8]) -> Result<u64, Fault> {
    // 18 digits are more than any body needs, and can't overflow.
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(LENGTH);
    }
    Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8]) -> Result<Framing, Fault> {
        let mut reader = HeadReader::default();
        let first = |line: &[u8]| Ok(line.ends_with(b"HTTP/1.1"));
        assert_eq!(reader.read(head, first)?, Some(head.len()));
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
    }
}
