//! Untrusted text, in lines that end up in terminals.
//!
//! A file, a token or a server may contain anything: sequences that move a terminal's cursor, marks that reverse text,
//! and characters that nobody sees. Each is written out as its code point, in one place for every output.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character moves a terminal's cursor, colours its text, reverses it, or has no width.
///
/// JSON escapes only the characters below U+0020. The others are Unicode's controls, its format characters, its line
/// separators, and the letters and selectors that are drawn as nothing (`Default_Ignorable_Code_Point`).
pub(crate) fn is_odd(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text is visible ASCII and spaces. Most are, and the check takes many bytes at a time.
fn is_visible(text: &str) -> bool {
    text.bytes().fold(true, |fine, byte| fine & (b' '..0x7f).contains(&byte))
}

/// A text within a line, with its unsafe characters written out. It stays one line.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if is_visible(text) {
        return Cow::Borrowed(text);
    }
    replaced(text, is_odd, |out, char| write!(out, "{}", char.escape_unicode()))
}

/// A text of several lines, with the unsafe characters of each written out.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |char| char != '\n' && is_odd(char), |out, char| write!(out, "{}", char.escape_unicode()))
}

/// A JSON document, with the unsafe characters of its strings escaped. It means the same.
pub(crate) fn visible_json(text: &str) -> Cow<'_, str> {
    replaced(text, |char| char != '\n' && is_odd(char), escape_in_json)
}

/// Writes a character of a JSON string as its escape (RFC 8259 section 7).
pub(crate) fn escape_in_json(out: &mut impl Write, char: char) -> std::fmt::Result {
    char.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

fn replaced(
    text: &str,
    is_odd: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.contains(&is_odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_odd(char) {
            // Writing into a text doesn't fail.
            let _ = write(&mut out, char);
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("Jané \"x\" 日本"), "Jané \"x\" 日本");
        assert_eq!(visible("a\n\u{1b}[31m\u{9b}m\u{202e}\r\t"), r"a\u{a}\u{1b}[31m\u{9b}m\u{202e}\u{d}\u{9}");
        assert_eq!(visible_lines("a\n\u{1b}[2J\u{200b}\nb"), "a\n\\u{1b}[2J\\u{200b}\nb");
    }

    #[test]
    fn characters_that_are_drawn_as_nothing_are_written_out() {
        for char in
            "\u{ad}\u{61c}\u{200b}\u{200d}\u{2060}\u{2066}\u{2069}\u{3164}\u{fe0f}\u{feff}\u{e0041}\u{e0100}".chars()
        {
            assert_eq!(visible(&format!("a{char}b")), format!("a\\u{{{:x}}}b", u32::from(char)));
        }
    }

    #[test]
    fn in_json_it_is_escaped_and_means_the_same() {
        let odd = "é \"x\" a\n\u{1b}[31m\u{7f}\u{9b}m\u{2028}\u{202e}\u{feff}\u{e0041}";
        let document = serde_json::to_string_pretty(&serde_json::json!({ "a": odd })).unwrap();
        let shown = visible_json(&document);
        assert!(shown.chars().all(|char| char == '\n' || !is_odd(char)) && shown.contains('é'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap()["a"], odd);
    }
}
