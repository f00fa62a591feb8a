//! One field on its line, as HTTP/1.1 writes it (RFC 9112 section 5).

use http::{HeaderName, HeaderValue};
use memchr::memchr;

/// Splits a field's line, without its CRLF, into name and value. `None` if anything stands before the name, or between
/// it and the colon.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at(memchr(b':', line)?);
    // Without an early end, so that the compiler unrolls it.
    let is_token = !name.is_empty() & name.iter().fold(true, |all, &byte| all & is_token(byte));
    is_token.then_some((name, &value[1..]))
}

/// The field on a line without its CRLF. `None` if the line is no field.
pub(crate) fn parse(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = split(line)?;
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
}

/// Whether a byte may stand in a token (RFC 9110 section 5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
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
