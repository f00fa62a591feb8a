//! The tenant that a caller has to be signed in to.
//!
//! Who acts on behalf of a customer signs in to the customer's tenant, and MFA is demanded there. A token of the user's own
//! tenant says nothing of that: it may be of another sign-in, under other policies.

/// The tenant that a caller has to be signed in to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Context {
    /// Any that the rule and the issuer accept.
    #[default]
    Any,
    /// The partner's own, as a member of it.
    Partner,
    /// That of the customer whom the request is about, by a delegation to the user's home tenant.
    Customer,
}

impl Context {
    /// The word for it in the configuration; `None` if it writes none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Partner => Some("partner"),
            Self::Customer => Some("customer"),
        }
    }

    /// Whether everybody in this context is in `other` too, as far as one request goes.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        other == Self::Any || self == other
    }
}
