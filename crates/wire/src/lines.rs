//! Header fields as HTTP/1.1 writes them.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::head;

/// What can't stand in an element of a list as it is; nor can what isn't ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// Fields that are added to a message, in the form in which HTTP/1.1 writes them (RFC 9112 section 5).
///
/// Most of what an upstream is told is the same for each request of a token or of a connection. Written once, it costs a
/// copy of bytes, where each field of a map costs a hash, a place and its removal. Only names and values that are valid
/// get in, so that no line can end early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Adds a field.
    pub fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        self.0.reserve(name.len() + value.len() + 4);
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field whose value is a list of any texts: visible ASCII as it is, everything else, `%` and `,`
    /// percent-encoded as UTF-8 (RFC 3986 section 2.1).
    pub fn push_texts<'t>(&mut self, name: &HeaderName, texts: impl IntoIterator<Item = &'t str>) {
        self.0.extend_from_slice(name.as_str().as_bytes());
        self.0.extend_from_slice(b": ");
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            for part in utf8_percent_encode(text, ENCODED) {
                self.0.extend_from_slice(part.as_bytes());
            }
        }
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds the fields of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Makes room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Gives back the room that isn't used. The allocator would leave as much as half of it where it is.
    pub fn shrink_to_fit(&mut self) {
        self.0 = self.0.as_slice().to_vec();
    }

    /// The lines, each with its end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Puts the fields into a map, in place of those that have their names.
    pub fn put(&self, fields: &mut HeaderMap) {
        for line in self.0.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\r\n")) {
            if let Some((name, value)) = head::parsed(line) {
                fields.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{HOST, VIA};

    use super::*;

    #[test]
    fn a_text_cannot_break_out_of_its_field_or_its_element() {
        let mut lines = Lines::default();
        lines.push_texts(&VIA, ["4988e250-5aee", "a b\r\nX: 1,\u{e9}%\u{7f}\0"]);
        assert_eq!(lines.as_bytes(), b"via: 4988e250-5aee,a%20b%0D%0AX:%201%2C%C3%A9%25%7F%00\r\n");
    }

    #[test]
    fn what_was_pushed_is_what_is_put() {
        let mut lines = Lines::default();
        lines.push(&HOST, &HeaderValue::from_static("a.example"));
        let mut more = Lines::default();
        more.push(&VIA, &HeaderValue::from_bytes(b"t\xc3\xbc:\t2").unwrap());
        lines.extend(&more);
        assert_eq!(lines.as_bytes(), b"host: a.example\r\nvia: t\xc3\xbc:\t2\r\n");
        let mut fields = HeaderMap::from_iter([(HOST, HeaderValue::from_static("b"))]);
        lines.put(&mut fields);
        assert_eq!(
            (fields.len(), fields[HOST].as_bytes(), fields[VIA].as_bytes()),
            (2, &b"a.example"[..], &b"t\xc3\xbc:\t2"[..])
        );
    }
}
