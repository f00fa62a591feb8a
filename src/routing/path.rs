//! The one path that is checked and forwarded.
//!
//! A gateway and a backend that read one path differently disagree about which rule holds. So a path is refused when RFC
//! 3986 doesn't allow it, or when servers agree so little about it that no route can be meant: dot segments, empty
//! segments, backslashes, encoded dots. Forms that are usual in some APIs (parameters, an encoded slash, brackets) are
//! refused unless the route forwards them. Every other path is forwarded byte for byte, if none of its readings
//! (`readings.rs`) leads to a stricter route: see [`super::RouteTable::find`]. `docs/paths.md` lists the forms for
//! operators.

use memchr::memchr_iter;

use super::encoding::{decode, hexadecimal};
use super::readings::{Reading, readings};
use super::rule::{PathError, PathRule};

/// A path without any of the refused forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'p> {
    raw: &'p str,
    /// Whether it has encoded bytes.
    encoded: bool,
    /// Whether it has other characters that some server treats specially.
    special: bool,
    /// The form in it that only some routes forward.
    pub(super) form: Option<PathError>,
}

impl<'p> CanonicalPath<'p> {
    /// Checks a path as written in the request target, without the query.
    pub fn parse(raw: &'p str) -> Result<Self, PathError> {
        if !raw.starts_with('/') {
            return Err(PathError { rule: PathRule::NotAbsolute, at: 0 });
        }
        let seen = raw.bytes().fold(0, |seen, byte| seen | KINDS[usize::from(byte)]);
        let mut form = if seen & (OTHER | FORM) == 0 { None } else { check_characters(raw)? };
        let (mut empty, mut before_slash, mut after_slash) = (None, false, false);
        for at in memchr_iter(b'/', raw.as_bytes()) {
            let byte = |at: Option<usize>| raw.as_bytes().get(at?).copied();
            match byte(at.checked_add(1)) {
                Some(b'/') => empty = empty.or(Some(at)),
                Some(b'.') => after_slash = true,
                _ => {}
            }
            before_slash |= byte(at.checked_sub(1)) == Some(b'.');
        }
        if let Some(at) = empty {
            return Err(PathError { rule: PathRule::EmptySegment, at });
        }
        if after_slash && let Some(at) = dot_segment(raw) {
            return Err(PathError { rule: PathRule::DotSegment, at });
        }
        let encoded = seen & ENCODED != 0;
        if encoded {
            form = form.or(check_encoding(raw)?);
        }
        let special = seen & SPECIAL != 0 || form.is_some() || before_slash || raw.ends_with('.');
        Ok(Self { raw, encoded, special, form })
    }

    /// The same path, if no server can read it as one with other segments: what a route's pattern has to be.
    pub fn unambiguous(self) -> Result<Self, PathError> {
        if let Some(error) = self.form {
            return Err(error);
        }
        let names = |text: &str| text.split('/').filter(|name| !name.is_empty()).count();
        let has_delimiter =
            |text: &str| text.contains(|c: char| matches!(c, '\\' | '?' | '#' | ';') || c.is_ascii_control());
        // A slash at the end makes no name, and yet another path.
        let form = |text: &str| (names(text), text.ends_with('/'));
        let is_other = |reading: &&Reading| {
            has_delimiter(&reading.text)
                || !reading.steps.is_lax() && (reading.text.contains("//") || form(&reading.text) != form(self.raw))
        };
        match self.readings()?.iter().flatten().find(is_other) {
            Some(reading) => Err(PathError { rule: PathRule::Ambiguous, at: self.differs_at(&reading.text) }),
            None => Ok(self),
        }
    }

    /// The path as received, and as forwarded.
    #[must_use]
    pub fn as_str(&self) -> &'p str {
        self.raw
    }

    /// Whether some reading may have a dot segment.
    pub(super) fn may_step_up(&self) -> bool {
        self.encoded || self.special && self.raw.contains("/.")
    }

    /// The readings that some server might use, itself first; `None` if there are none beside itself. In no reading may
    /// there be a dot segment: the path would lead out of whatever serves it.
    pub(super) fn readings(&self) -> Result<Option<Vec<Reading>>, PathError> {
        if !self.encoded && !self.special {
            return Ok(None);
        }
        readings(self.raw).map(Some).map_err(|(rule, reading)| PathError { rule, at: self.differs_at(&reading.text) })
    }

    /// The place where a reading begins to differ.
    pub(super) fn differs_at(&self, text: &str) -> usize {
        self.raw.bytes().zip(text.bytes()).take_while(|(own, other)| own == other).count()
    }
}

/// The kinds of characters, of which an ordinary one has none.
const ENCODED: u8 = 1;
const SPECIAL: u8 = 2;
const FORM: u8 = 4;
const OTHER: u8 = 8;

const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let plain = b"/-._~!$&'()*,=@";
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            kinds[byte as usize] = 0;
        }
        byte += 1;
    }
    let mut at = 0;
    while at < plain.len() {
        kinds[plain[at] as usize] = 0;
        at += 1;
    }
    kinds[b'%' as usize] = ENCODED;
    kinds[b'+' as usize] = SPECIAL;
    kinds[b':' as usize] = SPECIAL;
    kinds[b';' as usize] = FORM;
    kinds[b'[' as usize] = FORM;
    kinds[b']' as usize] = FORM;
    kinds
};

/// Refuses characters that no path has; returns the form that only some routes forward.
#[cold]
fn check_characters(raw: &str) -> Result<Option<PathError>, PathError> {
    let kind = |byte: &u8| KINDS[usize::from(*byte)];
    if let Some(at) = raw.bytes().position(|byte| kind(&byte) == OTHER) {
        return Err(PathError { rule: PathRule::Character, at });
    }
    let form = raw.bytes().enumerate().find(|(_, byte)| kind(byte) == FORM);
    Ok(form.map(|(at, byte)| {
        let rule = if byte == b';' { PathRule::Parameter } else { PathRule::Bracket };
        PathError { rule, at }
    }))
}

/// The place of a segment `.` or `..`.
fn dot_segment(path: &str) -> Option<usize> {
    let mut at = 0;
    path.split('/').find_map(|segment| {
        let start = at;
        at += segment.len() + 1;
        matches!(segment, "." | "..").then_some(start)
    })
}

/// Refuses encodings that no server should decode; returns the form in it that only some routes forward.
fn check_encoding(raw: &str) -> Result<Option<PathError>, PathError> {
    let mut form = None;
    for (at, _) in raw.match_indices('%') {
        let fault = |rule| PathError { rule, at };
        let optional = match raw.get(at + 1..at + 3).and_then(hexadecimal).ok_or(fault(PathRule::Encoding))? {
            b'/' => Some(fault(PathRule::EncodedSlash)),
            b';' => Some(fault(PathRule::Parameter)),
            byte if delimits(byte) => return Err(fault(PathRule::EncodedDelimiter)),
            _ => None,
        };
        form = form.or(optional);
    }
    let fault = |rule, sign| PathError { rule, at: raw.find(sign).unwrap_or_default() };
    let mut decoded = String::from_utf8(decode(raw)).map_err(|_| fault(PathRule::NotUtf8, "%"))?;
    // A server that drops whitespace, or dots and whitespace at the end, reads these as a dot segment.
    let is_dots = |segment: &str| {
        segment.contains('.')
            && segment.contains(char::is_whitespace)
            && segment.chars().all(|char| char == '.' || char.is_whitespace())
    };
    if decoded.split('/').any(is_dots) {
        return Err(fault(PathRule::DotSegment, "%"));
    }
    while let Some(again) = decode_again(&decoded).map_err(|()| fault(PathRule::DoubleEncoding, "%25"))? {
        decoded = again;
    }
    Ok(form)
}

/// Decodes once more what is already decoded, if anything in it looks encoded; fails if that brings out a delimiter, or
/// bytes that aren't UTF-8.
fn decode_again(decoded: &str) -> Result<Option<String>, ()> {
    let bytes = || decoded.match_indices('%').filter_map(|(at, _)| decoded.get(at + 1..at + 3).and_then(hexadecimal));
    if bytes().any(|byte| delimits(byte) || matches!(byte, b'/' | b';')) {
        return Err(());
    }
    if bytes().next().is_none() { Ok(None) } else { String::from_utf8(decode(decoded)).map(Some).map_err(|_| ()) }
}

/// Whether no route forwards this byte encoded.
fn delimits(byte: u8) -> bool {
    matches!(byte, b'.' | b'\\') || byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str) -> Result<(), PathRule> {
        let path = CanonicalPath::parse(path).map_err(|error| error.rule)?;
        path.readings().map(|_| ()).map_err(|error| error.rule)?;
        path.form.map_or(Ok(()), |error| Err(error.rule))
    }

    #[test]
    fn ordinary_and_unusual_paths_pass_as_they_are() {
        for path in [
            "/",
            "/v1/customers",
            "/v1/customers/",
            "/v1/a.b/.well-known/x..y",
            "/v1/caf%C3%A9/100%25/a%20b/@me:x",
            "/v1/a%23b%3Fc",
            "/v1/.../~..",
            "/v1/%20/x",
            "/price/%C2%A5100",
            "/v1/%2541%2523",
            "/%E5%AE%A2%E6%88%B7/%F0%9F%98%80",
            "/v1/%E2%84%80",
            "/v1/%E2%94%8C",
        ] {
            assert_eq!(CanonicalPath::parse(path).map(|path| path.as_str()), Ok(path));
            assert_eq!(rule(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn forms_that_servers_rewrite_are_refused() {
        for (path, expected) in [
            ("", PathRule::NotAbsolute),
            ("*", PathRule::NotAbsolute),
            ("v1", PathRule::NotAbsolute),
            ("//v1", PathRule::EmptySegment),
            ("/v1//x", PathRule::EmptySegment),
            ("/v1/../x", PathRule::DotSegment),
            ("/v1/./x", PathRule::DotSegment),
            ("/v1/..", PathRule::DotSegment),
            ("/v1/..%20/x", PathRule::DotSegment),
            ("/v1/%20..", PathRule::DotSegment),
            ("/v1/.%20.%20/", PathRule::DotSegment),
            ("/v1/%20.%20./x", PathRule::DotSegment),
            ("/v1\\x", PathRule::Character),
            ("/v1 x", PathRule::Character),
            ("/v1#x", PathRule::Character),
            ("/v1/\u{e9}", PathRule::Character),
            ("/v1[0]", PathRule::Bracket),
            ("/v1;x", PathRule::Parameter),
            ("/v1%3bx", PathRule::Parameter),
            ("/v1/..;/x", PathRule::DotSegment),
            ("/v1/%2e%2e/x", PathRule::EncodedDelimiter),
            ("/v1/.%2E/x", PathRule::EncodedDelimiter),
            ("/v1%2fx", PathRule::EncodedSlash),
            ("/v1%2f..%2fx", PathRule::DotSegment),
            ("/v1%5cx", PathRule::EncodedDelimiter),
            ("/v1%00", PathRule::EncodedDelimiter),
            ("/v1%0d%0a", PathRule::EncodedDelimiter),
            ("/v1/%E2%80%A5/x", PathRule::DotSegment),
            ("/v1/%EF%B9%92%EF%B9%92/x", PathRule::DotSegment),
            ("/v1/.%EF%B8%8F./x", PathRule::DotSegment),
            ("/v1/%D9%AA2e%D9%AA2e/x", PathRule::DotSegment),
            ("/v1/%C2%B7/x", PathRule::DotSegment),
            ("/v1/%252e", PathRule::DoubleEncoding),
            ("/v1/%25252f", PathRule::DoubleEncoding),
            ("/v1/%25%32%66", PathRule::DoubleEncoding),
            ("/v1/%25c0%25af", PathRule::DoubleEncoding),
            ("/v1/%c0%ae", PathRule::NotUtf8),
            ("/v1/%c0%af", PathRule::NotUtf8),
            ("/v1/%", PathRule::Encoding),
            ("/v1/%2", PathRule::Encoding),
            ("/v1/%zz", PathRule::Encoding),
            ("/v1/%+2", PathRule::Encoding),
            ("/v1/%u002f", PathRule::Encoding),
        ] {
            assert_eq!(rule(path), Err(expected), "{path}");
        }
    }

    #[test]
    fn an_error_names_the_rule_and_the_place() {
        let text = |path| CanonicalPath::parse(path).unwrap_err().to_string();
        assert_eq!(text("/v1/a/../x"), "the path has a segment that servers read as . or .., at byte 7");
        assert_eq!(
            text("/v1/a%2e"),
            "the path encodes a dot, a backslash or a control character (%2e, %5c, %00), at byte 6"
        );
        assert_eq!(text("/v1//a"), "the path has an empty segment (//), at byte 4");
    }

    #[test]
    fn patterns_are_what_no_server_reads_as_other_segments() {
        let is_pattern = |path| CanonicalPath::parse(path).and_then(CanonicalPath::unambiguous).is_ok();
        for path in
            ["/", "/v1/", "/v1/caf%C3%A9", "/v1/a%20b", "/a+b", "/v1/x:y", "/v1/:x", "/100%25", "/.well-known/a.b"]
        {
            assert!(is_pattern(path), "{path}");
        }
        for path in ["/a%23", "/a%3F", "/a;b", "/a%2fb", "/...", "/%20", "/a%C2%A5b", "/a%EF%BC%8Fb", "/[a]"] {
            assert!(!is_pattern(path), "{path}");
        }
    }
}
