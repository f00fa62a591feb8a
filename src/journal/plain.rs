//! Compact JSON that is safe in a terminal.
//!
//! JSON escapes only the characters below U+0020. The C1 controls, among them one that starts terminal sequences, and
//! the marks that reverse text stay as they are unless escaped explicitly.

use std::io::{self, Write};

use serde_json::ser::Formatter;

use crate::visible::{escape_in_json, is_odd};

/// Compact JSON with its unsafe characters escaped, which doesn't change its meaning.
pub(super) struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len() + 16);
        for char in fragment.chars() {
            if is_odd(char) {
                // Writing into a text doesn't fail.
                let _ = escape_in_json(&mut escaped, char);
            } else {
                escaped.push(char);
            }
        }
        writer.write_all(escaped.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    const ODD: &str = "é \"x\" a\n\u{1b}[31m\u{7f}\u{9b}m\u{2028}\u{202e}\u{feff}";

    #[test]
    fn in_json_it_is_escaped_and_means_the_same() {
        let mut line = Vec::new();
        ODD.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Plain)).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(!line.chars().any(is_odd) && line.contains('é'), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), ODD);
    }
}
