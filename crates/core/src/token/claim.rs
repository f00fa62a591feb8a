//! The value of a claim.

use serde_json::Value;

use super::amr::strings;

/// The value of a claim.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'c> {
    /// A string.
    Text(&'c str),
    /// Anything.
    Other(&'c Value),
}

impl<'c> Claim<'c> {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(self) -> Option<&'c str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(value) => value.as_str(),
        }
    }

    /// The member with this name, if it is an object with one.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        match self {
            Self::Text(_) => None,
            Self::Other(value) => value.get(name).map(Self::Other),
        }
    }

    /// The elements, if it is an array of strings.
    #[must_use]
    pub fn strings(self) -> Option<Vec<&'c str>> {
        match self {
            Self::Text(_) => None,
            Self::Other(value) => strings(value),
        }
    }

    /// The value by itself.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Other(value) => value.clone(),
        }
    }
}

impl<'c> From<&'c Value> for Claim<'c> {
    fn from(value: &'c Value) -> Self {
        Self::Other(value)
    }
}
