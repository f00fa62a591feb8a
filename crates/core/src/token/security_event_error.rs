//! Why a security event token isn't accepted.

use super::{Check, TokenError};

/// Why a security event token isn't accepted. Messages name the rule and the claim, never what stood in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SecurityEventError {
    /// What is wrong with it would be wrong with any token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `typ` doesn't say that it is a security event token.
    #[error("the token's typ is not secevent+jwt (RFC 8417 section 2.3)")]
    Type,
    /// `iat` lies ahead, or too far back.
    #[error("the token's iat is in the future, or too long ago")]
    Issued,
    /// `events` isn't an object with an object for each event.
    #[error("the claim events is not an object with at least one event, each of them an object (RFC 8417 section 2.2)")]
    Events,
    /// A member of an event is missing or has another type or value than its specification says.
    #[error("the event's member {0} is missing, or isn't what the event's specification says")]
    Member(&'static str),
    /// The subject isn't an identifier of RFC 9493.
    #[error("the event has no subject identifier with a format and the format's members (RFC 9493)")]
    Subject,
}

impl SecurityEventError {
    /// The error code that its transmitter receives (RFC 8935 section 2.4).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(
                TokenError::IssuerUnknown
                | TokenError::TenantUntrusted
                | TokenError::TenantContradicts
                | TokenError::ClaimMissing("iss"),
            ) => "invalid_issuer",
            Self::Token(error) => match error.check() {
                Check::Audience => "invalid_audience",
                Check::Signature => "invalid_key",
                _ if error == TokenError::KeyIssuer => "invalid_key",
                _ => "invalid_request",
            },
            _ => "invalid_request",
        }
    }
}
