//! What a decision is about: the rule, the customer whom the request names, and the delegations that there are.

use super::{Delegations, Rule};

/// The delegations where nobody configured any.
static NO_DELEGATIONS: Delegations = Delegations::none();

/// What [`super::decide`] is asked. A rule alone names no customer, so that nobody meets one for a customer's context.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub(super) rule: &'a Rule,
    pub(super) customer: Option<&'a str>,
    pub(super) delegations: &'a Delegations,
}

impl<'a> From<&'a Rule> for Asked<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self { rule, customer: None, delegations: &NO_DELEGATIONS }
    }
}

impl<'a> Asked<'a> {
    /// The same, of a request about this customer.
    #[must_use]
    pub fn about(self, customer: Option<&'a str>) -> Self {
        Self { customer, ..self }
    }

    /// The same, where these delegations were made.
    #[must_use]
    pub fn among(self, delegations: &'a Delegations) -> Self {
        Self { delegations, ..self }
    }
}
