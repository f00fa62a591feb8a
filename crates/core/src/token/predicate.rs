//! Tests of single claims, which an issuer's rules consist of.

use std::fmt;

use super::Claim;

/// A test of one claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Predicate {
    /// The names that lead to the claim.
    pub claim: Vec<String>,
    /// What it must be.
    pub test: Test,
}

/// What a claim must be. Values are compared exactly; another JSON type never matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// An array of strings with this element.
    Contains(String),
    /// This string.
    Equals(String),
}

impl Predicate {
    /// The claim is an array of strings with this element.
    #[must_use]
    pub fn contains(claim: impl Into<String>, element: impl Into<String>) -> Self {
        Self { claim: vec![claim.into()], test: Test::Contains(element.into()) }
    }

    /// The claim is this string.
    #[must_use]
    pub fn equals(claim: impl Into<String>, text: impl Into<String>) -> Self {
        Self { claim: vec![claim.into()], test: Test::Equals(text.into()) }
    }
}

impl Test {
    /// Whether the claim is what it must be.
    #[must_use]
    pub fn holds(&self, claim: Claim<'_>) -> bool {
        match self {
            Self::Contains(element) => claim.strings().is_some_and(|list| list.contains(&element.as_str())),
            Self::Equals(text) => claim.as_str() == Some(text),
        }
    }

    /// Whether the claim has the JSON type that the test is for.
    #[must_use]
    pub fn reads(&self, claim: Claim<'_>) -> bool {
        match self {
            Self::Contains(_) => claim.strings().is_some(),
            Self::Equals(_) => claim.as_str().is_some(),
        }
    }
}

/// Writes a path of names as people do.
pub(super) fn write_path(f: &mut fmt::Formatter<'_>, path: &[String]) -> fmt::Result {
    for (at, name) in path.iter().enumerate() {
        f.write_str(if at > 0 { "." } else { "" })?;
        f.write_str(name)?;
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(value) => write!(f, "contains {value}"),
            Self::Equals(value) => write!(f, "equals {value}"),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, &self.claim)?;
        write!(f, " {}", self.test)
    }
}
