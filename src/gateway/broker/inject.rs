//! A consent's access token, in the request for an upstream.

use std::sync::Arc;

use super::fault::ConsentFault;
use super::permission::{Permission, check_mfa};
use super::told::{Way, tell, tell_refusal};
use crate::gateway::Rejection;
use crate::gateway::pipeline::Parts;
use crate::routing::TenantOf;

/// Finds the access token that the upstream receives, in the place of what the program showed.
///
/// # Errors
///
/// If the program may not have it, or there is none.
pub(in crate::gateway) async fn inject(mut parts: Parts) -> Result<Parts, Rejection> {
    let (route, live, proof) = (Arc::clone(&parts.route), Arc::clone(&parts.exchange.live), parts.proof.clone());
    let Some(usage) = route.consent.as_deref() else { return Ok(parts) };
    let rejected = |reason| Rejection::new(reason).on(Arc::clone(&route)).with_proof(proof.clone());
    let request = &parts.exchange.request;
    let question = (usage, request.uri().path(), request.headers());
    let permission = Permission::on(&live, question, proof.as_deref());
    let permission =
        permission.inspect_err(|reason| tell_refusal(&parts, &usage.name, reason, Way::Injected)).map_err(rejected)?;
    let keeper = permission.keeper;
    let issued = keeper.token(&permission.wanted, &permission.caller.name).await;
    tell(&parts, &permission, issued.as_ref(), Way::Injected);
    let issued = issued.map_err(|error| rejected(ConsentFault::token(keeper, &error).into()))?;
    check_mfa(&route, keeper, &issued).map_err(rejected)?;
    // It is for the gateway, and the upstream could read more into it.
    if let TenantOf::Header(name) = &usage.tenant {
        parts.exchange.request.headers_mut().remove(name);
    }
    parts.observed.injected = Some(issued.bearer.clone());
    Ok(parts)
}
