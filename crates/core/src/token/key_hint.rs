//! What a token's header says of the key that signed it.

use super::jwk::base64url;
use super::key::Thumbprints;

/// What a token's header says of its key. It only chooses among the issuer's published keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHint<'h> {
    /// The id.
    pub(super) kid: Option<&'h str>,
    /// The thumbprints of its certificate, where there is no id: AD FS has tokens with nothing else.
    pub(super) thumbprints: Thumbprints,
}

impl<'h> KeyHint<'h> {
    pub(super) fn new(kid: Option<&'h str>, x5t: Option<&str>, x5t_s256: Option<&str>) -> Self {
        // Nothing overrides an id.
        let read = |text: Option<&str>| {
            text.filter(|text| kid.is_none() && !text.is_empty()).map(|text| base64url(text).into_boxed_str())
        };
        Self { kid, thumbprints: Thumbprints { sha1: read(x5t), sha256: read(x5t_s256) } }
    }
}

impl<'h> From<Option<&'h str>> for KeyHint<'h> {
    /// Of an id alone.
    fn from(kid: Option<&'h str>) -> Self {
        Self { kid, thumbprints: Thumbprints::default() }
    }
}
