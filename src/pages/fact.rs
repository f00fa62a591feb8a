//! What pages tell: facts, and sessions.

use mfa_gateway_core::clock::Timestamp;

use super::action::Action;

/// A label and a value, which may be a stranger's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name, as `amr`.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// A session in the list.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id, by which a help desk finds it.
    pub id: String,
    /// When the user signed in.
    pub created: Timestamp,
    /// When the session was last used.
    pub seen: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// Whether MFA was completed in it.
    pub mfa: bool,
    /// Whether the list was asked for in it.
    pub this_one: bool,
    /// The button that ends it.
    pub end: Option<Action>,
}

impl Fact {
    /// A fact.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}
