//! Percent-encoding, as lenient servers read it.

use std::borrow::Cow;

/// The byte that two digits stand for.
pub(super) fn hexadecimal(digits: &str) -> Option<u8> {
    // `from_str_radix` also takes a sign.
    u8::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A path with its encoded bytes decoded; the path itself if it has none, or the result isn't UTF-8.
pub(super) fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    String::from_utf8(decode(path)).map_or(Cow::Borrowed(path), Cow::Owned)
}

/// Decodes `%XX` once; a `%` without two digits stays.
pub(super) fn decode(raw: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.extend(before.bytes());
        rest = if let (Some(byte), Some(after)) = (after.get(..2).and_then(hexadecimal), after.get(2..)) {
            decoded.push(byte);
            after
        } else {
            decoded.push(b'%');
            after
        };
    }
    decoded.extend(rest.bytes());
    decoded
}
