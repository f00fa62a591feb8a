//! What a route asks of a caller.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing. No token is looked at.
    Public,
    /// A valid token.
    Authenticated,
    /// A valid token, and MFA if there is a user.
    Mfa {
        /// How long ago the user may have authenticated.
        max_age: Option<Duration>,
    },
}

impl Requirement {
    /// Whether every caller that meets this requirement also meets `other`.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Public) | (Self::Authenticated | Self::Mfa { .. }, Self::Authenticated) => true,
            (Self::Mfa { max_age: own }, Self::Mfa { max_age: other }) => match (own, other) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(own), Some(other)) => own <= other,
            },
            _ => false,
        }
    }

    /// The word for it in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Authenticated => "authenticated",
            Self::Mfa { .. } => "mfa",
        }
    }
}

/// Whether app-only tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppOnlyRule {
    /// They pass without MFA.
    Allow,
    /// They pass, but not those of these applications (ids in lower case): control panel vendors, on a route that
    /// acts for a partner.
    AllowExcept(Arc<BTreeSet<String>>),
    /// They are refused.
    Deny,
}

impl AppOnlyRule {
    /// Whether every caller that passes this rule also passes `other`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Deny, _) | (_, Self::Allow) => true,
            (Self::AllowExcept(own), Self::AllowExcept(other)) => own.is_superset(other),
            _ => false,
        }
    }
}

/// How a refusal is worded on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// As Partner Center answers.
    PartnerCenter,
    /// As RFC 6750 and RFC 9470 have it.
    Oauth,
}
