//! What a page is about.

use http::StatusCode;
use mfa_gateway_core::clock::Timestamp;

use super::fact::{Fact, SessionRow};
use super::failure::Failure;
use super::step_up::StepUp;

/// After how many seconds a failed issuer may be back: it is asked again as often.
const ISSUER_BACK: u32 = 5;

/// What a page is about.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A sign-in failed.
    SignInFailed(Failure),
    /// A callback belongs to no sign-in of this browser: it is late, a copy, or came from elsewhere.
    SignInExpired,
    /// A step-up came back, and the evidence still doesn't satisfy the route.
    StepUpFailed(StepUp),
    /// A step-up came back with another user than before, whose name this is.
    AnotherUser {
        /// Who was signed in before, as a name to show.
        before: Option<String>,
    },
    /// The user has none of the roles that the route needs.
    WrongRole(Vec<NeededRole>),
    /// The token doesn't tell whether the user has one of the roles that the route needs.
    RolesUnknown(Vec<NeededRole>),
    /// The user is signed in to another tenant than the page is about: which is wanted, and which is seen.
    WrongContext(Vec<Fact>),
    /// The customer whom the page is about has not delegated what it needs to the user's home tenant.
    NotDelegated(NotDelegated, Vec<Fact>),
    /// The tenant, or another property of the user's, isn't one that the route is for.
    NotForYou,
    /// A form came without a session. Nothing was sent on.
    SignInRequired,
    /// A form came with a session that lacks what the route needs. Nothing was sent on.
    StepUpRequired,
    /// A request that changes something didn't come from a page of this origin.
    CrossSite,
    /// Asks whether to sign out.
    ConfirmSignOut,
    /// The user is signed out.
    SignedOut(SignedOut),
    /// The user's sessions.
    Sessions {
        /// One row for each.
        rows: Vec<SessionRow>,
        /// The time that the list shows.
        now: Timestamp,
    },
    /// Something that the gateway needs isn't available; the client may try again after these seconds.
    Unavailable(Outage, u32),
    /// This caller sends too many requests; another may be made after these seconds.
    TooManyRequests(u32),
    /// What was sent is longer than the gateway accepts.
    TooLarge,
    /// The request has a wrong form.
    BadRequest,
    /// There is no such page.
    NotFound,
    /// Another method is needed.
    MethodNotAllowed,
}

/// What a customer has not delegated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDelegated {
    /// Anything.
    Anything,
    /// Anything any more.
    AnyMore,
    /// The role.
    Role,
}

/// A role that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededRole {
    /// Its name.
    pub name: String,
    /// Who grants it.
    pub granted_by: Option<String>,
}

/// How far a sign-out went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// Here, and at the issuer.
    Everywhere,
    /// Here alone: the issuer has no sign-out, or wasn't asked.
    Here,
    /// Here; other replicas learn of it when the store is back.
    Delayed,
}

/// What isn't available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The store of sessions.
    Store,
    /// The issuer or its keys.
    Issuer,
    /// The service behind the gateway.
    Upstream,
    /// The gateway has too much to do.
    Overloaded,
}

impl Kind {
    /// The reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignInFailed(failure) => failure.kind.code(),
            Self::SignInExpired => "sign_in_expired",
            Self::StepUpFailed(step_up) => step_up.shortfall.code(),
            Self::AnotherUser { .. } => "another_user",
            Self::WrongRole(_) => "role_missing",
            Self::RolesUnknown(_) => "roles_unknown",
            Self::WrongContext(_) => "wrong_context",
            Self::NotDelegated(NotDelegated::Anything, _) => "no_delegation",
            Self::NotDelegated(NotDelegated::AnyMore, _) => "delegation_ended",
            Self::NotDelegated(NotDelegated::Role, _) => "role_not_delegated",
            Self::NotForYou => "not_for_you",
            Self::SignInRequired => "sign_in_required",
            Self::StepUpRequired => "step_up_required",
            Self::CrossSite => "cross_site",
            Self::ConfirmSignOut => "sign_out",
            Self::SignedOut(_) => "signed_out",
            Self::Sessions { .. } => "sessions",
            Self::Unavailable(Outage::Store, _) => "store_unavailable",
            Self::Unavailable(Outage::Issuer, _) => "issuer_unavailable",
            Self::Unavailable(Outage::Upstream, _) => "upstream_failed",
            Self::Unavailable(Outage::Overloaded, _) => "overloaded",
            Self::TooManyRequests(_) => "rate_limited",
            Self::TooLarge => "body_too_large",
            Self::BadRequest => "malformed_request",
            Self::NotFound => "no_route",
            Self::MethodNotAllowed => "method_not_allowed",
        }
    }

    /// Whether another account may open the page, and no sign-in of this one does.
    #[must_use]
    pub fn is_of_the_account(&self) -> bool {
        matches!(
            self,
            Self::WrongRole(_)
                | Self::RolesUnknown(_)
                | Self::WrongContext(_)
                | Self::NotDelegated(..)
                | Self::NotForYou
        )
    }

    /// The status that fits.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFailed(failure) => failure.kind.status(),
            Self::SignInExpired | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::StepUpFailed(_)
            | Self::AnotherUser { .. }
            | Self::WrongRole(_)
            | Self::RolesUnknown(_)
            | Self::WrongContext(_)
            | Self::NotDelegated(..)
            | Self::NotForYou
            | Self::StepUpRequired
            | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::SignInRequired => StatusCode::UNAUTHORIZED,
            Self::ConfirmSignOut | Self::SignedOut(_) | Self::Sessions { .. } => StatusCode::OK,
            Self::Unavailable(..) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// After how many seconds another try may succeed, if that is due to time alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Unavailable(_, seconds) | Self::TooManyRequests(seconds) => Some(*seconds),
            Self::SignInFailed(failure) => {
                (failure.kind.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(ISSUER_BACK)
            }
            _ => None,
        }
    }

    /// The name of the template that an operator can write for this kind alone.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignInFailed(_) => "sign-in-failed",
            Self::SignInExpired => "sign-in-expired",
            Self::StepUpFailed(_) => "step-up-failed",
            Self::AnotherUser { .. } => "another-user",
            Self::WrongRole(_) => "wrong-role",
            Self::RolesUnknown(_) => "roles-unknown",
            Self::WrongContext(_) => "wrong-context",
            Self::NotDelegated(..) => "not-delegated",
            Self::NotForYou => "not-for-you",
            Self::SignInRequired => "sign-in-required",
            Self::StepUpRequired => "step-up-required",
            Self::CrossSite => "cross-site",
            Self::ConfirmSignOut => "sign-out",
            Self::SignedOut(_) => "signed-out",
            Self::Sessions { .. } => "sessions",
            Self::Unavailable(..) => "unavailable",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::TooLarge => "too-large",
            Self::BadRequest => "bad-request",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
        }
    }
}
