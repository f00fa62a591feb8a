//! The texts of a form: bounded, and without characters that no form produces.

use http::StatusCode;

use super::refusal::Refusal;
use crate::gateway::Notice;

/// The longest text that people write, in bytes.
pub(super) const LONGEST: usize = 4096;

/// The longest name and id.
pub(super) const LONGEST_NAME: usize = 256;

const EMPTY: Notice = invalid(
    "A text that is required is missing.",
    "Send `owner`, `reason` and `ends`; every step needs a `reason`. The refusal's place is the first one that is empty.",
);

const LONG: Notice = invalid(
    "A text is too long.",
    "Send at most 4096 bytes in `reason`, and 256 in every other text. Put the rest into a file of evidence.",
);

const CONTROL: Notice = invalid(
    "A text has a control character.",
    "Send plain text. A `reason` may have line feeds and tabs; no other text has any.",
);

pub(super) const fn invalid(description: &'static str, remedy: &'static str) -> Notice {
    Notice { status: StatusCode::UNPROCESSABLE_ENTITY, code: "exception_invalid", description, remedy }
}

/// A text of several lines, which is required.
pub(super) fn reason(text: &str) -> Result<String, Refusal> {
    let text = text.trim().replace("\r\n", "\n");
    check(&text, LONGEST, |char| char.is_control() && !matches!(char, '\n' | '\t'))?;
    required(text)
}

/// A text of one line; empty if there is none.
pub(super) fn line(text: Option<&str>) -> Result<String, Refusal> {
    let text = text.unwrap_or_default().trim().to_owned();
    check(&text, LONGEST_NAME, char::is_control)?;
    Ok(text)
}

/// One that is required.
pub(super) fn required(text: String) -> Result<String, Refusal> {
    if text.is_empty() { Err(Refusal::Told(&EMPTY)) } else { Ok(text) }
}

fn check(text: &str, longest: usize, is_wrong: impl Fn(char) -> bool) -> Result<(), Refusal> {
    if text.len() > longest {
        return Err(Refusal::Told(&LONG));
    }
    if text.contains(is_wrong) { Err(Refusal::Told(&CONTROL)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_plain_and_otherwise_as_they_came() {
        assert_eq!(reason(" <b>a</b>\r\n\tö \u{1f600} ").unwrap(), "<b>a</b>\n\tö \u{1f600}");
        assert_eq!(line(Some(" =cmd|'/c calc'!A1 ")).unwrap(), "=cmd|'/c calc'!A1");
        assert_eq!((line(None).unwrap(), line(Some("  ")).unwrap()), (String::new(), String::new()));
        for wrong in ["", "  ", "a\0b", "a\u{1b}[31m", "a\u{85}b", &"x".repeat(LONGEST + 1)] {
            assert!(reason(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["a\nb", "a\tb", &"x".repeat(LONGEST_NAME + 1), &"x".repeat(10_000)] {
            assert!(line(Some(wrong)).is_err(), "{wrong:?}");
        }
        assert!(reason(&"x".repeat(LONGEST)).is_ok() && line(Some(&"x".repeat(LONGEST_NAME))).is_ok());
    }
}
