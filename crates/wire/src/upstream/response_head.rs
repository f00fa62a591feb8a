//! The head of an HTTP/1.1 response, read strictly (RFC 9112).

use crate::http1::head::{Fault, Framing};

const STATUS_LINE: Fault =
    "The status line is not HTTP/1.1, a status from 100 to 599 and a phrase (RFC 9112 section 4).";
const NO_CODING: Fault = "A response with this status has no transfer coding (RFC 9112 section 6.1).";

/// What follows the head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another head: this one is of an interim response.
    Another,
    /// Another protocol.
    Switch,
    /// A body with this framing.
    Body(Framing),
    /// A body that lasts until the connection closes.
    UntilClose,
}

/// What follows a head with this status and framing (RFC 9112 section 6.3). `to_head` is whether the request is a HEAD.
pub(super) fn next(status: u16, framing: Option<Framing>, to_head: bool) -> Result<Next, Fault> {
    let bodiless = matches!(status, 100..=199 | 204);
    if bodiless && framing == Some(Framing::Chunked) {
        return Err(NO_CODING);
    }
    Ok(match status {
        101 => Next::Switch,
        100..=199 => Next::Another,
        _ if to_head || bodiless || status == 304 => Next::Body(Framing::Length(0)),
        _ => framing.map_or(Next::UntilClose, Next::Body),
    })
}

/// Checks a status line, and returns version and status. Many servers leave out the space before an empty phrase.
pub(super) fn check_status_line(line: &[u8]) -> Result<(&[u8], u16), Fault> {
    let (version, rest) = line.split_at_checked(8).ok_or(STATUS_LINE)?;
    let (status, phrase) = rest.split_at_checked(4).ok_or(STATUS_LINE)?;
    let [b' ', first @ b'1'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'] = *status else {
        return Err(STATUS_LINE);
    };
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") || !(phrase.is_empty() || phrase.starts_with(b" ")) {
        return Err(STATUS_LINE);
    }
    Ok((version, [first, second, third].iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::head::HeadReader;

    fn check(head: &[u8], to_head: bool) -> Result<Next, Fault> {
        let (mut reader, mut status) = (HeadReader::default(), 0);
        let first = |line: &[u8]| {
            let version;
            (version, status) = check_status_line(line)?;
            Ok(version == b"HTTP/1.1")
        };
        assert_eq!(reader.read(head, first)?, Some(head.len()));
        next(status, reader.framing()?, to_head)
    }

    fn of(head: &str) -> Result<Next, Fault> {
        check(format!("{head}\r\n\r\n").as_bytes(), false)
    }

    #[test]
    fn the_status_and_the_fields_say_what_follows() {
        for (head, next) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5", Next::Body(Framing::Length(5))),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked", Next::Body(Framing::Chunked)),
            ("HTTP/1.1 200 Not quite: \u{e9}", Next::UntilClose),
            ("HTTP/1.0 200", Next::UntilClose),
            ("HTTP/1.1 204 \r\nContent-Length: 5", Next::Body(Framing::Length(0))),
            ("HTTP/1.1 304 \r\nTransfer-Encoding: chunked", Next::Body(Framing::Length(0))),
            ("HTTP/1.1 103 Early Hints", Next::Another),
            ("HTTP/1.1 101 Switching Protocols", Next::Switch),
        ] {
            assert_eq!(of(head), Ok(next), "{head}");
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(check(head, true), Ok(Next::Body(Framing::Length(0))));
    }

    #[test]
    fn heads_are_exact() {
        for bad in [
            "HTTP/1.1 99 X",
            "HTTP/1.1 600 X",
            "HTTP/1.1 000 X",
            "HTTP/1.1 2000 X",
            "HTTP/1.1 +20 X",
            "HTTP/1.1  200 X",
            "HTTP/1.1 200OK",
            "HTTP/1.2 200 OK",
            "HTTP/2 200 OK",
            "http/1.1 200 OK",
            "ICY 200 OK",
            "HTTP/1.1\t200 OK",
            "HTTP/1.1 200 O\rK",
            "HTTP/1.1 200 O\0K",
            "HTTP/1.1 200 OK\nX: y",
            "HTTP/1.1 200 OK\r\nX: y\n z",
            "HTTP/1.1 200 OK\r\nX: y\r\n folded",
            "HTTP/1.1 200 OK\r\nX : y",
            "HTTP/1.1 200 OK\r\nX",
            "HTTP/1.1 200 OK\r\n: y",
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 1",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1",
            "HTTP/1.1 200 OK\r\nContent-Length: -1",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
            "HTTP/1.1 204 \r\nTransfer-Encoding: chunked",
            "HTTP/1.1 103 \r\nTransfer-Encoding: chunked",
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
