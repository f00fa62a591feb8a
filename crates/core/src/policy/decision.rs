//! The outcome: a permit with its grounds, or a denial with its reason.

use super::sender::SenderError;
use crate::token::{Check, TokenError};

/// The decision about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to the upstream.
    Permit(Grounds),
    /// It is refused.
    Deny(Denial),
}

/// Why a request was permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// The route is public.
    Public,
    /// The route asks for a valid token only.
    Authenticated,
    /// The token is app-only.
    AppOnly,
    /// The user completed MFA.
    Mfa,
    /// An exception, by its id, waives MFA.
    Exempt(String),
    /// The route only reports; enforced, this denial would stand.
    ReportOnly(Denial),
    /// MFA findings are not looked at; the user has not shown MFA.
    Off,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// There was no credential.
    NoCredential,
    /// The credential isn't a valid token.
    InvalidToken(TokenError),
    /// The issuer's keys are unavailable.
    KeysUnavailable,
    /// The issuer can't be asked what the token is.
    IntrospectionUnavailable,
    /// The store of sessions is unavailable, so that the session may have ended.
    SessionsUnavailable,
    /// The sender isn't shown to be the one that the token is for.
    Sender(SenderError),
    /// The store of revocations is unavailable, so that the token may have been revoked.
    RevocationsUnavailable,
    /// The route is not for the token's tenant.
    TenantMismatch,
    /// The caller is signed in to another tenant than the one that the request is about.
    WrongContext,
    /// The user's home tenant has no delegation to the customer.
    NoDelegation,
    /// The delegation of the user's home tenant to the customer has ended.
    DelegationEnded,
    /// The route is not for app-only tokens.
    AppOnlyForbidden,
    /// The application is a control panel vendor's, and may not act for a partner without a user.
    VendorAppOnly,
    /// The caller has none of the roles that the route needs.
    RoleMissing,
    /// The caller has a role that the route needs, and the delegation to the customer lacks it.
    RoleNotDelegated,
    /// The token leaves out a claim that could give one of the roles that the route needs, and no other claim gives one.
    RolesUnknown,
    /// No claim that could prove MFA is in the token.
    AmrAbsent,
    /// The claims are there, and don't prove MFA.
    MfaMissing,
    /// A claim says that MFA was bypassed.
    EvidenceDenied,
    /// The user authenticated too long ago, or it isn't known when.
    AuthenticationStale,
}

impl Grounds {
    /// Whether an MFA finding was waived that the log is to name.
    #[must_use]
    pub fn is_waiver(&self) -> bool {
        matches!(self, Self::Exempt(_) | Self::ReportOnly(_))
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Authenticated => "authenticated",
            Self::AppOnly => "app_only",
            Self::Mfa => "mfa",
            Self::Exempt(_) => "exempt",
            Self::ReportOnly(_) => "report_only",
            Self::Off => "off",
        }
    }
}

impl Denial {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::InvalidToken(error) => error.code(),
            Self::KeysUnavailable => "keys_unavailable",
            Self::IntrospectionUnavailable => "introspection_unavailable",
            Self::SessionsUnavailable => "sessions_unavailable",
            Self::Sender(error) => error.code(),
            Self::RevocationsUnavailable => "revocations_unavailable",
            Self::TenantMismatch => "tenant_mismatch",
            Self::WrongContext => "wrong_context",
            Self::NoDelegation => "no_delegation",
            Self::DelegationEnded => "delegation_ended",
            Self::AppOnlyForbidden => "app_only_forbidden",
            Self::VendorAppOnly => "vendor_app_only",
            Self::RoleMissing => "role_missing",
            Self::RoleNotDelegated => "role_not_delegated",
            Self::RolesUnknown => "roles_unknown",
            Self::AmrAbsent => "amr_absent",
            Self::MfaMissing => "mfa_missing",
            Self::EvidenceDenied => "mfa_evidence_denied",
            Self::AuthenticationStale => "authentication_stale",
        }
    }

    /// Whether the cause is the gateway's, not the caller's: something that it must ask is unavailable.
    #[must_use]
    pub fn is_ours(self) -> bool {
        match self {
            Self::KeysUnavailable
            | Self::IntrospectionUnavailable
            | Self::SessionsUnavailable
            | Self::RevocationsUnavailable => true,
            Self::Sender(error) => error.is_ours(),
            _ => false,
        }
    }

    /// The check that failed.
    #[must_use]
    pub fn check(self) -> Check {
        match self {
            Self::NoCredential | Self::SessionsUnavailable => Check::Credential,
            Self::InvalidToken(error) => error.check(),
            Self::KeysUnavailable | Self::IntrospectionUnavailable => Check::Signature,
            Self::Sender(_) => Check::Binding,
            Self::RevocationsUnavailable => Check::Time,
            Self::TenantMismatch
            | Self::WrongContext
            | Self::NoDelegation
            | Self::DelegationEnded
            | Self::AppOnlyForbidden
            | Self::VendorAppOnly
            | Self::RoleMissing
            | Self::RoleNotDelegated
            | Self::RolesUnknown => Check::Route,
            Self::AmrAbsent | Self::MfaMissing | Self::EvidenceDenied | Self::AuthenticationStale => Check::Mfa,
        }
    }
}
