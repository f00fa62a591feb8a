//! Header fields as bytes, as HTTP/1.1 writes them.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::line;

/// Characters that an element of a list can't hold as they are, besides those outside ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// Fields that are added to a message, in the form in which HTTP/1.1 writes them (RFC 9112 section 5).
///
/// Most fields that the gateway adds are the same for each request of a token or a connection. Written once, they cost
/// a copy of bytes per request, where a field in a map costs a hash, a place and its removal. Only valid names and
/// values get in, so no line can end early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawFields(Vec<u8>);

impl RawFields {
    /// Adds a field.
    pub fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        self.0.reserve(name.len() + value.len() + 4);
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds a field whose value is a list of texts. Visible ASCII stays as it is, except `%` and `,`: those and
    /// everything else are percent-encoded as UTF-8 (RFC 3986 section 2.1).
    pub fn push_list<'t>(&mut self, name: &HeaderName, texts: impl IntoIterator<Item = &'t str>) {
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

    /// No fields yet, with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Returns unused room to the allocator. `Vec::shrink_to_fit` might leave as much as half of it in place.
    pub fn shrink_to_fit(&mut self) {
        self.0 = self.0.as_slice().to_vec();
    }

    /// The fields, each with its CRLF.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Inserts the fields into a map, in place of those with the same names.
    pub fn insert_into(&self, fields: &mut HeaderMap) {
        for line in self.0.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\r\n")) {
            if let Some((name, value)) = line::parse(line) {
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
        let mut lines = RawFields::default();
        lines.push_list(&VIA, ["4988e250-5aee", "a b\r\nX: 1,\u{e9}%\u{7f}\0"]);
        assert_eq!(lines.as_bytes(), b"via: 4988e250-5aee,a%20b%0D%0AX:%201%2C%C3%A9%25%7F%00\r\n");
    }

    #[test]
    fn what_was_pushed_is_what_is_inserted() {
        let mut lines = RawFields::default();
        lines.push(&HOST, &HeaderValue::from_static("a.example"));
        let mut more = RawFields::default();
        more.push(&VIA, &HeaderValue::from_bytes(b"t\xc3\xbc:\t2").unwrap());
        lines.extend(&more);
        assert_eq!(lines.as_bytes(), b"host: a.example\r\nvia: t\xc3\xbc:\t2\r\n");
        let mut fields = HeaderMap::from_iter([(HOST, HeaderValue::from_static("b"))]);
        lines.insert_into(&mut fields);
        assert_eq!(
            (fields.len(), fields[HOST].as_bytes(), fields[VIA].as_bytes()),
            (2, &b"a.example"[..], &b"t\xc3\xbc:\t2"[..])
        );
    }
}
