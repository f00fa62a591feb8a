//! Header fields as HTTP/1.1 writes them.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::head;

/// Fields that are added to a message, in the form in which HTTP/1.1 writes them (RFC 9112 section 5).
///
/// Most of what an upstream is told is the same for each request of a token or of a connection. Written once, it costs a
/// copy of bytes, where each field of a map costs a hash, a place and its removal. Only names and values that are valid
/// get in, so that no line can end early.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Adds a field.
    pub(crate) fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        self.0.reserve(name.len() + value.len() + 4);
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
    }

    /// Adds the fields of `other`.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Makes room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Gives back the room that isn't used.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The lines, each with its end.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Puts the fields into a map, in place of those that have their names.
    pub(crate) fn put(&self, fields: &mut HeaderMap) {
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
