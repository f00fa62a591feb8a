//! Whether a program may have an access token of a consent.

use std::sync::Arc;

use http::HeaderMap;
use mfa_gateway_core::policy::{Proof, Requirement};

use super::fault::ConsentFault;
use crate::consent::{CallerSettings, Issued, Keeper, Wanted};
use crate::gateway::limiter;
use crate::gateway::only::only;
use crate::gateway::{Live, Reason};
use crate::routing::{ConsentUse, Route, TenantOf, segment};

/// The longest id of a tenant.
const MAX_TENANT: usize = 128;

/// What a program may have.
#[derive(Debug)]
pub(super) struct Permission<'l> {
    pub(super) caller: &'l CallerSettings,
    pub(super) keeper: &'l Arc<Keeper>,
    pub(super) wanted: Wanted,
}

/// The program that calls. Only programs use consents: a user would act with somebody else's rights.
pub(super) fn caller<'l>(live: &'l Live, proof: Option<&Proof>) -> Result<&'l CallerSettings, Reason> {
    let caller = proof.and_then(|proof| live.consent_callers.of(proof));
    caller.ok_or_else(|| ConsentFault::caller().into())
}

impl<'l> Permission<'l> {
    /// Looks whether the program may have what it wants, and takes one from its budget.
    pub(super) fn of(
        live: &'l Live,
        caller: &'l CallerSettings,
        consent: &str,
        wanted: Wanted,
    ) -> Result<Self, Reason> {
        let keeper = live.keepers.named(consent);
        // What isn't the program's is told apart from nothing to nobody.
        let keeper = keeper.filter(|_| caller.consents.contains(consent)).ok_or_else(ConsentFault::consent)?;
        Self::to_use(live, caller, keeper, wanted)
    }

    fn to_use(
        live: &'l Live,
        caller: &'l CallerSettings,
        keeper: &'l Arc<Keeper>,
        wanted: Wanted,
    ) -> Result<Self, Reason> {
        if wanted.tenant.as_deref().is_some_and(|tenant| !is_tenant(tenant)) {
            return Err(ConsentFault::tenant().into());
        }
        caller.may_have(keeper.settings(), &wanted).map_err(|forbidden| ConsentFault::of(forbidden, keeper))?;
        let limiter = caller.rate_limit.and_then(|place| live.rate_limiters.get(place));
        if let Some(limiter) = limiter {
            let claimed = limiter::Caller::Claimed("", limiter.settings().key, &caller.name);
            limiter.check(&claimed).map_err(Reason::RateLimited)?;
        }
        Ok(Self { caller, keeper, wanted })
    }

    /// The same, if the program may have the access token itself.
    pub(super) fn handed_out(self) -> Result<Self, Reason> {
        if self.caller.tokens { Ok(self) } else { Err(ConsentFault::tokens().into()) }
    }

    /// What a program may have by a route that uses a consent.
    pub(super) fn on(
        live: &'l Live,
        (usage, path, fields): (&ConsentUse, &str, &HeaderMap),
        proof: Option<&Proof>,
    ) -> Result<Self, Reason> {
        let caller = caller(live, proof)?;
        // The configuration was built with the consent's place. Without a store, there is no keeper.
        let keeper = live.keepers.get(usage.consent.0).ok_or_else(ConsentFault::consent)?;
        let tenant = match &usage.tenant {
            TenantOf::Consent => None,
            TenantOf::Fixed(tenant) => Some(tenant.clone()),
            TenantOf::Segment(before) => Some(segment(path, *before).unwrap_or_default().to_owned()),
            TenantOf::Header(name) => {
                let value = only(fields, name).and_then(|value| value.to_str().ok());
                Some(value.ok_or_else(|| ConsentFault::header(name))?.to_owned())
            }
        };
        Self::to_use(live, caller, keeper, Wanted { tenant, scope: usage.scope.clone() })
    }
}

/// Whether an access token may be used on a route: where MFA is required, one that is known to have none may not.
pub(super) fn check_mfa(route: &Route, keeper: &Keeper, issued: &Issued) -> Result<(), Reason> {
    let required = matches!(route.rule.requirement, Requirement::Mfa { .. });
    if required && issued.mfa == Some(false) { Err(ConsentFault::no_mfa(keeper).into()) } else { Ok(()) }
}

/// Whether this can be a tenant: its id, or a domain.
fn is_tenant(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=MAX_TENANT).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_fine)
}

impl From<ConsentFault> for Reason {
    fn from(fault: ConsentFault) -> Self {
        Self::Consent(Box::new(fault))
    }
}
