//! Why a transmitter's delivery isn't accepted.

use mfa_gateway_core::token::{SecurityEventError, TokenError};
use mfa_gateway_layer::EventVerifyError;

/// Why a delivery isn't accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The transmitter's doing, by the code of RFC 8935 section 2.4.
    Invalid {
        /// The code.
        code: &'static str,
        /// What is wrong, in words. Nothing of the token stands in it.
        description: String,
    },
    /// The gateway's: it can't verify the token now, or not keep what it says. The transmitter tries again.
    Unavailable(&'static str),
}

impl Refused {
    /// Refused for this reason.
    pub(crate) fn because(code: &'static str, description: &str) -> Self {
        Self::Invalid { code, description: description.to_owned() }
    }

    /// What is wrong, in words.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Invalid { description, .. } => description,
            Self::Unavailable(why) => why,
        }
    }

    /// The word for it in metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Invalid { code, .. } => code,
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<SecurityEventError> for Refused {
    fn from(error: SecurityEventError) -> Self {
        Self::Invalid { code: error.code(), description: error.to_string() }
    }
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        SecurityEventError::from(error).into()
    }
}

impl From<EventVerifyError> for Refused {
    fn from(error: EventVerifyError) -> Self {
        match error {
            EventVerifyError::Invalid(error) => error.into(),
            EventVerifyError::KeysUnavailable => Self::Unavailable("the transmitter's keys are unavailable"),
        }
    }
}
