//! A text that nobody may read but the issuer.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

/// A client's secret. Its debug form doesn't show it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret in a file's content. Editors and shells end a file with a line break, which is no part of it.
    #[must_use]
    pub fn new(content: &str) -> Self {
        Self(content.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_never_shown() {
        let secret = Secret::new("s3cret \r\n");
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("s3cret ", "Secret"));
        assert!(secret == Secret::new("s3cret ") && secret != Secret::new("s3cret"));
        assert!(Secret::new("\n").is_empty());
    }
}
