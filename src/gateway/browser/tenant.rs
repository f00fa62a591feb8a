//! The tenant that a person of a session is sent to: the one that a route's context asks for.
//!
//! Only somebody who is signed in is sent there, and only where a delegation to the person's home tenant holds: no link makes
//! the gateway send people to a tenant of anybody's choice, and nobody finds out by redirects who the customers are.

use mfa_gateway_core::policy::{Context, Proof, Standing};

use crate::gateway::Live;
use crate::oidc::TenantId;
use crate::routing::Route;
use crate::session::SignInSettings;

/// The tenant in which this person could meet the route's context. `None` if no sign-in could, or none leads there.
pub(in crate::gateway) fn tenant(
    route: &Route,
    customer: Option<&str>,
    proof: &Proof,
    settings: &SignInSettings,
    live: &Live,
) -> Option<TenantId> {
    let delegations = &live.judge.delegations;
    let home = proof.home.as_deref()?;
    let tenant = match route.rule.context {
        Context::Any => return None,
        // As a guest in another one, nobody is a member.
        Context::Partner => Some(home).filter(|home| delegations.is_partner(home)),
        Context::Customer => customer.filter(|customer| {
            let standing = delegations.standing(home, customer, live.clock.now());
            matches!(standing, Standing::Delegate(_))
        }),
    };
    let tenant = TenantId::parse(tenant?)?;
    settings.tenants.as_ref().is_some_and(|tenants| tenants.have(tenant)).then_some(tenant)
}
