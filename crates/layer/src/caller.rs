//! Who called, as a service sees it.

use std::sync::Arc;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Grounds, Proof};
use mfa_gateway_core::token::Principal;

/// Who called, and why the request was permitted. The layer puts it into the request's extensions.
///
/// All of it comes from a verified token. On a public route the caller is nobody.
#[derive(Clone, Debug)]
pub struct Caller {
    grounds: Grounds,
    proof: Option<Arc<Proof>>,
}

impl Caller {
    /// The caller of a request that was permitted on these grounds.
    pub(super) fn new(grounds: Grounds, proof: Option<Arc<Proof>>) -> Self {
        Self { grounds, proof }
    }

    /// Why the request was permitted. In report mode, `ReportOnly` has the denial that enforcement would mean.
    #[must_use]
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The user's id; the application's for a token without a user.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match self.principal()? {
            Principal::AppUser(_, user) => user.id.as_deref(),
            Principal::AppOnly(app) => app.id.as_deref(),
        }
    }

    /// The user's id: `oid`, or `sub` where the issuer has no `oid`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.principal()?.user()?.id.as_deref()
    }

    /// The application's id.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.principal()?.app().id.as_deref()
    }

    /// Whether the token is an application's alone.
    #[must_use]
    pub fn is_app_only(&self) -> bool {
        matches!(self.principal(), Some(Principal::AppOnly(_)))
    }

    /// The name of the issuer, as the service's code has it.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.proof.as_ref().map(|proof| proof.issuer.name.as_str())
    }

    /// The tenant that the caller is signed in to (`tid`).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.proof.as_ref()?.tenant.as_deref()
    }

    /// The tenant where the user's identity is kept, if it is known: another one than the tenant for a guest.
    #[must_use]
    pub fn home_tenant(&self) -> Option<&str> {
        self.proof.as_ref()?.home.as_deref()
    }

    /// The user's name for people, such as `upn`. It proves nothing: never decide by it.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.proof.as_ref()?.name.as_deref()
    }

    /// How the user authenticated (`amr`).
    #[must_use]
    pub fn methods(&self) -> &[String] {
        self.proof.as_ref().map(|proof| proof.amr.methods()).unwrap_or_default()
    }

    /// When the user authenticated, if the token says it.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.proof.as_ref()?.auth_time.time()
    }

    /// The roles that the issuer's claims give.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.proof.iter().flat_map(|proof| proof.roles.held.iter()).map(|role| &**role)
    }

    /// The texts of a claim that [`TrustedIssuer::claim`](super::TrustedIssuer::claim) keeps; `None` if the token
    /// lacks it, or part of it is no text.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&[String]> {
        let proof = self.proof.as_ref()?;
        let place = proof.issuer.told.iter().position(|one| one.field == name)?;
        proof.told.get(place)?.as_deref()
    }

    fn principal(&self) -> Option<&Principal> {
        self.proof.as_ref().map(|proof| &proof.principal)
    }
}
