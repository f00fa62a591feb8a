//! JSON that is written member by member, straight into a buffer: lines of logs, and the bodies of refusals.
//!
//! Names are plain and our own. Most texts need no escapes, and that check takes many bytes at a time; `serde_json`
//! writes the others, so that escaping is defined in one place.

use std::fmt::Display;
use std::io::Write;

use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

/// One object, appended to a buffer.
#[derive(Debug)]
pub struct Object<'b> {
    buffer: &'b mut Vec<u8>,
    empty: bool,
    escape: Escape,
}

/// Writes a text that isn't plain as a JSON string.
pub type Escape = fn(&mut Vec<u8>, &str);

impl<'b> Object<'b> {
    /// Begins an object whose texts are escaped as JSON requires.
    #[must_use]
    pub fn begin(buffer: &'b mut Vec<u8>) -> Self {
        Self::escaping(buffer, |buffer, text| escape(buffer, text, CompactFormatter))
    }

    /// Begins an object with escapes of its own.
    #[must_use]
    pub fn escaping(buffer: &'b mut Vec<u8>, escape: Escape) -> Self {
        buffer.push(b'{');
        Self { buffer, empty: true, escape }
    }

    /// Ends the object.
    pub fn end(self) {
        self.buffer.push(b'}');
    }

    #[inline]
    fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.buffer.push(b',');
        }
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
        self.buffer
    }

    /// Adds a text.
    #[inline]
    pub fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        self.string(text);
    }

    /// Adds a text, or `null`.
    #[inline]
    pub fn text_or_null(&mut self, name: &'static str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.name(name).extend_from_slice(b"null"),
        }
    }

    /// Adds a text, if there is one.
    #[inline]
    pub fn text_if_any(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Adds a number or a Boolean: values that JSON writes as Rust does.
    pub fn literal(&mut self, name: &'static str, value: impl Display) {
        // Writing into memory doesn't fail.
        let _ = write!(self.name(name), "{value}");
    }

    /// Adds a document that is JSON already.
    pub fn raw(&mut self, name: &'static str, document: &[u8]) {
        self.name(name).extend_from_slice(document);
    }

    /// Adds a value under a name that isn't our own.
    pub fn named(&mut self, name: &str, value: &Value) {
        if !std::mem::take(&mut self.empty) {
            self.buffer.push(b',');
        }
        self.string(name);
        // Writing into memory doesn't fail.
        let _ = write!(self.buffer, ":{value}");
    }

    /// Adds an array of texts.
    pub fn texts<T: AsRef<str>>(&mut self, name: &'static str, texts: impl IntoIterator<Item = T>) {
        self.begin_list(name);
        for text in texts {
            self.item(text.as_ref());
        }
        self.end_list();
    }

    /// Begins an array of texts.
    pub fn begin_list(&mut self, name: &'static str) {
        self.name(name).push(b'[');
    }

    /// Adds a text to the array that was begun.
    pub fn item(&mut self, text: &str) {
        // Another text ends with a quotation mark.
        if self.buffer.last() != Some(&b'[') {
            self.buffer.push(b',');
        }
        self.string(text);
    }

    /// Ends the array.
    pub fn end_list(&mut self) {
        self.buffer.push(b']');
    }

    /// Adds an object, which `write` fills.
    pub fn object(&mut self, name: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        let escape = self.escape;
        let mut inner = Object::escaping(self.name(name), escape);
        write(&mut inner);
        inner.end();
    }

    #[inline]
    fn string(&mut self, text: &str) {
        if is_plain(text) {
            self.buffer.push(b'"');
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.push(b'"');
        } else {
            (self.escape)(self.buffer, text);
        }
    }
}

/// Writes a text as a JSON string, with the formatter's escapes.
pub fn escape(buffer: &mut Vec<u8>, text: &str, formatter: impl Formatter) {
    use serde::Serialize;

    // Writing a text into memory doesn't fail.
    let _ = text.serialize(&mut serde_json::Serializer::with_formatter(buffer, formatter));
}

/// Whether a text is visible ASCII and spaces, without characters that JSON escapes.
#[inline]
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let is_fine = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    // No early return, so that one step checks many bytes.
    text.bytes().fold(0, |odd, byte| odd | u8::from(!is_fine(byte))) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(write: impl FnOnce(&mut Object<'_>)) -> String {
        let mut buffer = Vec::new();
        let mut object = Object::begin(&mut buffer);
        write(&mut object);
        object.end();
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn it_is_what_serde_json_writes() {
        let odd = "é \"x\" a\\b\n\t\u{0}\u{1b}[31m\u{7f}\u{9b}\u{2028}/";
        let text = written(|object| {
            object.text("a", "plain text of some length, without anything odd");
            object.text("b", odd);
            object.text_or_null("c", None);
            object.text_or_null("d", Some(""));
            object.text_if_any("none", None);
            object.literal("e", -7_i64);
            object.literal("f", true);
            object.raw("g", b"null");
            object.texts("h", ["x", odd]);
            object.texts("i", [""; 0]);
            object.object("j", |inner| inner.text("k", odd));
            object.object("l", |_| {});
            object.named(odd, &json!([odd, 1]));
        });
        let expected = json!({
            "a": "plain text of some length, without anything odd", "b": odd, "c": null, "d": "", "e": -7, "f": true,
            "g": null, "h": ["x", odd], "i": [], "j": {"k": odd}, "l": {},
            odd: [odd, 1],
        });
        assert_eq!(text, expected.to_string());
    }

    #[test]
    fn every_character_is_escaped_or_may_stand_as_it_is() {
        for char in (0..0x300_u32).filter_map(char::from_u32) {
            for text in [char.to_string(), format!("a long text before {char} and after it")] {
                let line = written(|object| object.text("t", &text));
                assert_eq!(line, json!({ "t": text }).to_string());
                assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), json!({ "t": text }));
            }
        }
    }
}
