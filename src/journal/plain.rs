//! Untrusted text, in lines that end up in terminals.
//!
//! JSON escapes only the characters below U+0020. The C1 controls, among them one that starts terminal sequences, and
//! the marks that reverse text stay as they are unless escaped explicitly.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Whether a character moves a terminal's cursor, colours its text, or reverses it.
fn is_odd(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a text is visible ASCII and spaces. Most are, and the check takes many bytes at a time.
fn is_visible(text: &str) -> bool {
    text.bytes().fold(true, |fine, byte| fine & (b' '..0x7f).contains(&byte))
}

/// A claim with its unsafe characters escaped, for people.
pub(super) fn visible(claim: &str) -> Cow<'_, str> {
    if is_visible(claim) || !claim.chars().any(is_odd) {
        return Cow::Borrowed(claim);
    }
    let escaped =
        claim.chars().map(|char| if is_odd(char) { char.escape_unicode().to_string() } else { char.to_string() });
    Cow::Owned(escaped.collect())
}

/// Compact JSON with its unsafe characters escaped, which doesn't change its meaning.
pub(super) struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for char in fragment.chars() {
            if is_odd(char) {
                // All of them are in the Basic Multilingual Plane.
                write!(writer, "\\u{:04x}", u32::from(char))?;
            } else {
                write!(writer, "{char}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    const ODD: &str = "é \"x\" a\n\u{1b}[31m\u{7f}\u{9b}m\u{2028}\u{202e}\u{feff}";

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("Jané \"x\""), "Jané \"x\"");
        assert_eq!(visible("a\n\u{1b}[31m\u{9b}m\u{202e}"), r"a\u{a}\u{1b}[31m\u{9b}m\u{202e}");
    }

    #[test]
    fn in_json_it_is_escaped_and_means_the_same() {
        let mut line = Vec::new();
        ODD.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Plain)).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(!line.chars().any(is_odd) && line.contains('é'), "{line:?}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), ODD);
    }
}
