//! The errors that an issuer reports, at any of its endpoints.
//!
//! Their codes are for programs, and few. The descriptions are for people who operate the issuer: they may contain anything,
//! so they are neither shown nor logged. Only the number is read that Microsoft begins them with.

/// An error that an issuer reports (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerError {
    /// Its `error`.
    pub code: String,
    /// The number of an AADSTS error, for a text about it. Nothing is decided by it: Microsoft changes them.
    pub number: Option<u32>,
}

/// The longest code that is read.
const MAX_CODE: usize = 64;

impl IssuerError {
    /// An error with this description; `None` if its code isn't one.
    pub(super) fn new(code: &str, description: Option<&str>) -> Option<Self> {
        let number = description.and_then(number);
        is_code(code).then(|| Self { code: code.to_owned(), number })
    }
}

/// Whether a text can be a code: what is registered has letters, digits and underscores, and others have dots or hyphens too.
/// So a code can stand in a log and in a page.
pub(super) fn is_code(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.len() <= MAX_CODE && text.bytes().all(is_fine)
}

/// The number that a description of Microsoft's begins with.
fn number(description: &str) -> Option<u32> {
    let rest = description.strip_prefix("AADSTS")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_its_code_is_kept_and_of_a_description_its_number() {
        let read = |code, description| IssuerError::new(code, description).map(|error| (error.code, error.number));
        let known = |number| Some(("access_denied".to_owned(), number));
        assert_eq!(read("access_denied", Some("AADSTS65004: User declined to consent.")), known(Some(65004)));
        assert_eq!(read("access_denied", None), known(None));
        for other in ["", "AADSTS", "AADSTS: x", "x AADSTS65004", "aadsts1", "AADSTS99999999999999999999", "AADSTS-1"] {
            assert_eq!(read("access_denied", Some(other)), known(None), "{other}");
        }
        for odd in ["", "a b", "<script>", "a\n", "ä", &"a".repeat(65)] {
            assert_eq!(read(odd, None), None, "{odd}");
        }
    }
}
