//! The rules of path safety, and where a path breaks one.

use std::fmt;

/// A path that is refused: the rule it breaks, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path {}", self.words())]
pub struct PathError {
    /// The rule.
    pub rule: PathRule,
    /// The byte of the path, from 0 on.
    pub at: usize,
}

/// A rule of path safety, by the form that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// It doesn't start with a slash.
    NotAbsolute,
    /// A character that RFC 3986 section 3.3 doesn't allow in a path.
    Character,
    /// `[` or `]`, plain.
    Bracket,
    /// `;`, plain or encoded.
    Parameter,
    /// `//`.
    EmptySegment,
    /// `.` or `..`, or a segment that some server reads as one.
    DotSegment,
    /// `%` without two hexadecimal digits.
    Encoding,
    /// `%2f`.
    EncodedSlash,
    /// An encoded dot, backslash or control character.
    EncodedDelimiter,
    /// An encoded `%` with two digits that stand for a delimiter: encoded twice.
    DoubleEncoding,
    /// The decoded bytes aren't UTF-8 in its shortest form.
    NotUtf8,
    /// Some server reads other segments.
    Ambiguous,
    /// More readings than are looked up.
    Readings,
    /// The segment that names the customer is no tenant's id.
    Customer,
}

impl PathError {
    /// The rule and the place, to be said of the path.
    #[must_use]
    pub fn words(&self) -> String {
        match self.rule {
            PathRule::NotAbsolute => self.rule.to_string(),
            rule => format!("{rule}, at byte {}", self.at + 1),
        }
    }
}

impl PathRule {
    /// Whether a route may forward paths with this form.
    pub(crate) const fn is_optional(self) -> bool {
        matches!(self, Self::Bracket | Self::Parameter | Self::EncodedSlash)
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "does not start with a slash",
            Self::Character => "contains a character that must be percent-encoded, in UTF-8 (RFC 3986 section 2.1)",
            Self::Bracket => "contains a square bracket, which RFC 3986 does not allow",
            Self::Parameter => "has parameters (;), which servers read differently",
            Self::EmptySegment => "has an empty segment (//)",
            Self::DotSegment => "has a segment that servers read as . or ..",
            Self::Encoding => "has a % without two hexadecimal digits after it",
            Self::EncodedSlash => "has an encoded slash (%2f), which servers read differently",
            Self::EncodedDelimiter => "encodes a dot, a backslash or a control character (%2e, %5c, %00)",
            Self::DoubleEncoding => "is encoded twice",
            Self::NotUtf8 => "encodes bytes that are not UTF-8",
            Self::Ambiguous => "is one of other segments to some servers",
            Self::Customer => {
                "does not name the customer by its tenant id, a GUID without encoded characters; a domain's name doesn't do"
            }
            Self::Readings => "can be read in too many ways",
        })
    }
}
