//! Why a consent isn't given, and what to do about it.

use mfa_gateway_layer::ClientVerifyError;
use mfa_gateway_store::StoreError;

use crate::oidc::{CallbackError, IssuerError, ParError, TokenEndpointError};

/// Why a consent isn't given.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    /// The issuer can't be asked.
    #[error("the issuer can't be asked at this moment")]
    Request(#[from] ParError),
    /// The issuer's metadata was never fetched.
    #[error("the issuer's discovery document has not been fetched")]
    NoMetadata,
    /// What came back has a wrong form, or is another issuer's.
    #[error("what came back from the issuer is malformed")]
    Malformed(#[from] CallbackError),
    /// It belongs to no consent under way, or to one that took too long.
    #[error("this belongs to no consent under way, or it took longer than 15 minutes")]
    Foreign,
    /// It came before.
    #[error("this consent was finished before")]
    Repeated,
    /// The issuer reports an error.
    #[error("the issuer reports an error: {}", .0.code)]
    Reported(IssuerError),
    /// The token endpoint gave no tokens.
    #[error("the token endpoint gave no tokens: {0}")]
    NoTokens(#[source] TokenEndpointError),
    /// The ID token isn't acceptable.
    #[error("the ID token is not acceptable: {0}")]
    IdToken(#[source] ClientVerifyError),
    /// Somebody of another tenant came back.
    #[error("the consent is for the tenant {wanted}, and somebody of {came} came back")]
    Tenant {
        /// The configured tenant.
        wanted: String,
        /// That of the ID token.
        came: String,
    },
    /// Somebody else came back.
    #[error("the consent is for the user {wanted}, and {came} came back")]
    User {
        /// The configured user.
        wanted: String,
        /// That of the ID token.
        came: String,
    },
    /// The user lacks the role.
    #[error("the consent is for users with the role `{0}`, and the user who came back doesn't have it")]
    Role(String),
    /// It isn't known whether the user has the role.
    #[error("the consent is for users with the role `{0}`, and the ID token leaves out the claim that would give it")]
    RolesUnknown(String),
    /// The sign-in isn't a new one.
    #[error("the sign-in is not a new one: it was at {0}, before the consent was begun")]
    OldSignIn(String),
    /// There was no MFA.
    #[error("the sign-in had no MFA: a refresh token without MFA can't access what requires MFA")]
    NoMfa,
    /// There is no refresh token.
    #[error("the issuer gave no refresh token")]
    NoRefreshToken,
    /// The store doesn't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error("the system's random generator failed")]
    NoRandom,
}

impl GiveError {
    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) | Self::NoMetadata => "issuer_unavailable",
            Self::Malformed(_) => "callback_malformed",
            Self::Foreign => "consent_expired",
            Self::Repeated => "consent_repeated",
            Self::Reported(_) => "issuer_error",
            Self::NoTokens(_) => "no_tokens",
            Self::IdToken(_) => "id_token_invalid",
            Self::Tenant { .. } => "wrong_tenant",
            Self::User { .. } => "wrong_user",
            Self::Role(_) => "role_missing",
            Self::RolesUnknown(_) => "roles_unknown",
            Self::OldSignIn(_) => "sign_in_not_fresh",
            Self::NoMfa => "mfa_missing",
            Self::NoRefreshToken => "no_refresh_token",
            Self::Store(_) => "store_unavailable",
            Self::NoRandom => "no_random",
        }
    }

    /// Whether another time it may work.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Request(_) | Self::NoMetadata | Self::Store(_) | Self::NoRandom)
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Request(_) | Self::NoMetadata | Self::Store(_) | Self::NoRandom => "Try again in a moment.",
            Self::Malformed(_) | Self::Foreign | Self::Repeated => "Begin the consent again.",
            Self::Reported(_) | Self::NoTokens(_) | Self::IdToken(_) => {
                "See the gateway's log and the client's registration at the identity provider, and begin again."
            }
            Self::Tenant { .. } | Self::User { .. } => "Sign in with the account that the consent is configured for.",
            Self::Role(_) => {
                "Sign in with an account that has the role, or have it granted: see `roles` in the configuration."
            }
            Self::RolesUnknown(_) => {
                "Have the issuer write the claim also for a user in many groups: restrict it to the groups of the application."
            }
            Self::OldSignIn(_) => {
                "Sign out at the identity provider and begin again. If it recurs, the identity provider ignores `prompt=login` \
                 and `max_age=0`: have it ask for the credentials."
            }
            Self::NoMfa => {
                "Require MFA of the account at the identity provider, with a policy or for the user, and begin again."
            }
            Self::NoRefreshToken => "Ask for the scope `offline_access`, and allow it in the client's registration.",
        }
    }
}
