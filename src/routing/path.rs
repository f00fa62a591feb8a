//! The one path that is checked and forwarded.
//!
//! A gateway and a backend that read one path differently disagree about which rule holds. So a path is refused when it
//! has a form that common servers rewrite: dot segments, empty segments, backslashes, parameters, and each of these
//! encoded. Every other path is forwarded byte for byte. Readings of it that some backend might still use (decoded,
//! another letter case, without trailing dots or slash) are looked up too, and must not lead to a stricter route: see
//! [`super::RouteTable::find`]. `docs/paths.md` lists the refused forms for operators.

use std::borrow::Cow;

use super::spelling::{fold_plain, normalises_to_delimiter, plain, trim_segments};

/// A path without any of the refused forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'p> {
    raw: &'p str,
    encoded: bool,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It doesn't start with a slash.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// A character that RFC 3986 section 3.3 doesn't allow in a path.
    #[error("the path contains a character that RFC 3986 does not allow")]
    Character,
    /// `;`, plain or encoded.
    #[error("the path has parameters (;), which servers read differently")]
    Parameter,
    /// `//`.
    #[error("the path has an empty segment (//)")]
    EmptySegment,
    /// A segment of dots only.
    #[error("the path has a segment that consists of dots")]
    DotSegment,
    /// `%` without two hexadecimal digits.
    #[error("the path has a % without two hexadecimal digits after it")]
    Encoding,
    /// An encoded dot, slash, backslash, question mark, number sign, semicolon or control character.
    #[error("the path encodes a delimiter (such as %2f, %2e or %5c)")]
    EncodedDelimiter,
    /// `%25` followed by two hexadecimal digits: encoded twice.
    #[error("the path is encoded twice")]
    DoubleEncoding,
    /// The decoded bytes aren't UTF-8 in its shortest form.
    #[error("the path encodes bytes that are not UTF-8")]
    NotUtf8,
}

impl<'p> CanonicalPath<'p> {
    /// Checks a path as written in the request target, without the query.
    pub fn parse(raw: &'p str) -> Result<Self, PathError> {
        if !raw.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        let mut encoded = false;
        for byte in raw.bytes() {
            match byte {
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'/'
                | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@' => {}
                b'%' => encoded = true,
                b';' => return Err(PathError::Parameter),
                _ => return Err(PathError::Character),
            }
        }
        if raw.contains("//") {
            return Err(PathError::EmptySegment);
        }
        if raw.contains("/.") && raw.split('/').any(is_dots) {
            return Err(PathError::DotSegment);
        }
        if encoded {
            check_encoding(raw)?;
        }
        Ok(Self { raw, encoded })
    }

    /// The path as received, and as forwarded.
    #[must_use]
    pub fn as_str(&self) -> &'p str {
        self.raw
    }

    /// Readings that some backend might use: as it is, decoded, in plain letters, with `+` for a space as in forms, and
    /// without trailing dots and spaces around segments or a trailing slash.
    pub(super) fn readings(&self) -> Vec<Reading<'p>> {
        let mut readings = vec![Reading { text: Cow::Borrowed(self.raw), is_plain: true }];
        if self.encoded {
            let decoded = decoded(self.raw);
            let is_plain = decoded.is_ascii();
            if !is_plain {
                readings.push(Reading { text: Cow::Owned(plain(&decoded)), is_plain: true });
            }
            readings.push(Reading { text: decoded, is_plain });
        }
        let mut add = |change: fn(&str) -> Option<String>| {
            for at in 0..readings.len() {
                let Reading { text, is_plain } = &readings[at];
                if let Some(changed) = change(text) {
                    readings.push(Reading { text: Cow::Owned(changed), is_plain: *is_plain });
                }
            }
        };
        add(|text| text.contains('+').then(|| text.replace('+', " ")));
        add(trim_segments);
        add(|text| text.strip_suffix('/').map(str::to_owned));
        readings
    }
}

/// A reading of a path by some backend.
#[derive(Debug)]
pub(super) struct Reading<'p> {
    pub(super) text: Cow<'p, str>,
    /// Whether it is in plain letters already.
    is_plain: bool,
}

impl Reading<'_> {
    /// Its form under the laxest comparisons. `None` if it isn't in plain letters: its plain form is a reading too, and
    /// a long path isn't converted repeatedly.
    pub(super) fn folded(&self) -> Option<String> {
        self.is_plain.then(|| fold_plain(&self.text))
    }
}

fn is_dots(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte == b'.')
}

fn check_encoding(raw: &str) -> Result<(), PathError> {
    let decoded = decode(raw).ok_or(PathError::Encoding)?;
    // These can only come from encoded bytes: the check of plain characters rejects all of them except the dot and the
    // slash, which must occur in the decoded path as often as in the raw one.
    let delimits = |&byte: &u8| byte < 0x20 || byte == 0x7f || matches!(byte, b'\\' | b'?' | b'#' | b';');
    let separators = |bytes: &[u8]| bytes.iter().filter(|byte| matches!(byte, b'/' | b'.')).count();
    if decoded.iter().any(delimits) || separators(&decoded) != separators(raw.as_bytes()) {
        return Err(PathError::EncodedDelimiter);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| PathError::NotUtf8)?;
    // The best fit of a combining tilde is a tilde, and with a number the end of a short name.
    let shortens = |(at, mark): (usize, &str)| decoded.as_bytes().get(at + mark.len()).is_some_and(u8::is_ascii_digit);
    if decoded.chars().any(normalises_to_delimiter) || decoded.match_indices('\u{303}').any(shortens) {
        return Err(PathError::EncodedDelimiter);
    }
    // A server that drops whitespace, or dots and whitespace at the end, reads these as an empty segment or a dot
    // segment.
    for segment in decoded.split('/').filter(|segment| segment.contains(char::is_whitespace)) {
        if segment.trim().is_empty() {
            return Err(PathError::EmptySegment);
        }
        if segment.chars().all(|char| char == '.' || char.is_whitespace()) {
            return Err(PathError::DotSegment);
        }
    }
    let twice = |(at, _): (usize, &str)| {
        decoded.as_bytes()[at + 1..].iter().take_while(|b| b.is_ascii_hexdigit()).take(2).count() == 2
    };
    if decoded.match_indices('%').any(twice) {
        return Err(PathError::DoubleEncoding);
    }
    Ok(())
}

/// A path with its encoded bytes decoded; the path itself if the result isn't UTF-8.
pub(super) fn decoded(path: &str) -> Cow<'_, str> {
    match decode(path).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(decoded) if decoded != path => Cow::Owned(decoded),
        _ => Cow::Borrowed(path),
    }
}

/// Decodes `%XX` once; `None` if a `%` isn't followed by two hexadecimal digits.
fn decode(raw: &str) -> Option<Vec<u8>> {
    let mut bytes = raw.bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass_as_they_are() {
        for path in
            ["/", "/v1/customers", "/v1/customers/", "/v1/a.b/.well-known/x..y", "/v1/caf%C3%A9/100%25/a%20b/@me:x"]
        {
            assert_eq!(CanonicalPath::parse(path).map(|path| path.as_str()), Ok(path));
        }
    }

    #[test]
    fn forms_that_servers_rewrite_are_refused() {
        for (path, error) in [
            ("", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("v1", PathError::NotAbsolute),
            ("//v1", PathError::EmptySegment),
            ("/v1//x", PathError::EmptySegment),
            ("/v1/../x", PathError::DotSegment),
            ("/v1/./x", PathError::DotSegment),
            ("/v1/..", PathError::DotSegment),
            ("/v1/.../x", PathError::DotSegment),
            ("/v1/..%20/x", PathError::DotSegment),
            ("/v1/%20..", PathError::DotSegment),
            ("/v1/.%20.%20/", PathError::DotSegment),
            ("/v1/%20.%20./x", PathError::DotSegment),
            ("/v1/%20/x", PathError::EmptySegment),
            ("/v1/%c2%a0", PathError::EmptySegment),
            ("/v1\\x", PathError::Character),
            ("/v1 x", PathError::Character),
            ("/v1#x", PathError::Character),
            ("/v1/\u{e9}", PathError::Character),
            ("/v1;x", PathError::Parameter),
            ("/v1/..;/x", PathError::Parameter),
            ("/v1/%2e%2e/x", PathError::EncodedDelimiter),
            ("/v1/.%2E/x", PathError::EncodedDelimiter),
            ("/v1%2fx", PathError::EncodedDelimiter),
            ("/v1%5cx", PathError::EncodedDelimiter),
            ("/v1%00", PathError::EncodedDelimiter),
            ("/v1%0d%0a", PathError::EncodedDelimiter),
            ("/v1%3fx", PathError::EncodedDelimiter),
            ("/v1%3bx", PathError::EncodedDelimiter),
            ("/v1%EF%BC%8Fx", PathError::EncodedDelimiter),
            ("/v1/%E2%80%A5/x", PathError::EncodedDelimiter),
            ("/v1/%EF%B9%92%EF%B9%92/x", PathError::EncodedDelimiter),
            ("/v1/%E2%84%80", PathError::EncodedDelimiter),
            ("/v1/.%EF%B8%8F./x", PathError::EncodedDelimiter),
            ("/v1/%E2%92%88/x", PathError::EncodedDelimiter),
            ("/v1/%D9%AA2e%D9%AA2e/x", PathError::EncodedDelimiter),
            ("/v1/%E2%94%8C/x", PathError::EncodedDelimiter),
            ("/ADMINI%CC%831", PathError::EncodedDelimiter),
            ("/v1/%252e", PathError::DoubleEncoding),
            ("/v1/%c0%ae", PathError::NotUtf8),
            ("/v1/%c0%af", PathError::NotUtf8),
            ("/v1/%", PathError::Encoding),
            ("/v1/%2", PathError::Encoding),
            ("/v1/%zz", PathError::Encoding),
            ("/v1/%u002f", PathError::Encoding),
        ] {
            assert_eq!(CanonicalPath::parse(path), Err(error), "{path}");
        }
    }
}
