//! Why a token that is for a client of an issuer isn't accepted.

use super::{Check, TokenError};

/// Why an ID token or a logout token isn't accepted.
///
/// Messages name the rule and the claim, never what stood in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClientTokenError {
    /// What is wrong with it would be wrong with any token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `typ` names another kind of token.
    #[error("the token's typ names another kind of token")]
    Type,
    /// A claim shows another kind of token.
    #[error("the claim {0} shows that the token is of another kind")]
    Kind(&'static str),
    /// `azp` is another client, or missing where there are several audiences.
    #[error("the claim azp is not this client, or it is missing and the token has several audiences")]
    AuthorizedParty,
    /// `iat` lies ahead.
    #[error("the token's iat is in the future")]
    IssuedAhead,
    /// `iat` lies too far back.
    #[error("the token's iat is too long ago")]
    IssuedLongAgo,
    /// `nonce` is missing.
    #[error("the claim nonce is missing")]
    NonceMissing,
    /// `nonce` is another one.
    #[error("the claim nonce is not that of this sign-in")]
    Nonce,
    /// `sub` is empty or too long.
    #[error("the claim sub is empty or longer than 255 bytes")]
    Subject,
    /// `at_hash` is another access token's.
    #[error("the claim at_hash is not that of the access token")]
    AccessTokenHash,
    /// A refreshed token is of somebody else.
    #[error("the claim {0} is not what it was at the sign-in")]
    Changed(&'static str),
    /// `events` doesn't say that somebody signed out.
    #[error("the claim events has no object for a back-channel logout (Back-Channel Logout section 2.4)")]
    Event,
    /// It names neither a user nor a session.
    #[error("the logout token has neither sub nor sid")]
    Nobody,
}

impl ClientTokenError {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Type => "token_type_not_accepted",
            Self::Kind(_) => "token_of_another_kind",
            Self::AuthorizedParty => "authorized_party_mismatch",
            Self::IssuedAhead => "token_issued_ahead",
            Self::IssuedLongAgo => "token_issued_long_ago",
            Self::NonceMissing => "nonce_missing",
            Self::Nonce => "nonce_mismatch",
            Self::Subject => "subject_malformed",
            Self::AccessTokenHash => "access_token_hash_mismatch",
            Self::Changed("sub") => "subject_changed",
            Self::Changed(_) => "issuer_changed",
            Self::Event => "logout_event_missing",
            Self::Nobody => "logout_of_nobody",
        }
    }

    /// The check that failed.
    #[must_use]
    pub fn check(self) -> Check {
        match self {
            Self::Token(error) => error.check(),
            Self::Type | Self::Kind(_) | Self::Event => Check::Credential,
            Self::Changed("iss") => Check::Issuer,
            Self::AuthorizedParty | Self::NonceMissing | Self::Nonce | Self::AccessTokenHash => Check::Audience,
            Self::IssuedAhead | Self::IssuedLongAgo => Check::Time,
            Self::Subject | Self::Changed(_) | Self::Nobody => Check::Class,
        }
    }

    /// Whether the token came too late, and a new sign-in may bring one in time. Entra's expires `max_age` after the
    /// password, which a slow user reaches before the callback.
    #[must_use]
    pub fn is_late(self) -> bool {
        matches!(self, Self::Token(TokenError::Expired) | Self::IssuedLongAgo)
    }
}
