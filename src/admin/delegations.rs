//! The delegations: which customers let which partner act for them, and until when.

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::respond::Json;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Delegation, Delegations};

/// The delegations.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DelegationsAnswer {
    /// The partners' tenants.
    partners: Vec<String>,
    /// The delegations, the one that ends first before the others.
    delegations: Vec<DelegationDetail>,
}

/// A delegation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct DelegationDetail {
    /// The partner's tenant.
    partner: String,
    /// The customer's tenant.
    customer: String,
    /// The roles that count for this customer.
    roles: Vec<String>,
    /// The first moment at which it holds (RFC 3339).
    from: String,
    /// The first moment at which it no longer holds (RFC 3339).
    until: String,
    /// `pending`, `active` or `ended`.
    #[schemars(extend("enum" = ["pending", "active", "ended"]))]
    state: &'static str,
    /// Whether another one of the same tenants goes on when it ends, with all its roles.
    renewed: bool,
    /// The time until it ends; 0 if it has.
    seconds_left: u64,
}

/// All delegations.
pub(super) async fn delegations(State(admin): State<Arc<Admin>>) -> Json<DelegationsAnswer> {
    let live = admin.live.load();
    let (all, now) = (&live.judge.delegations, live.clock.now());
    let delegations = sorted(all).into_iter().map(|one| detail(one, all, now)).collect();
    Json(DelegationsAnswer { partners: all.partners().iter().cloned().collect(), delegations })
}

/// All of them, the one that ends first before the others.
pub(super) fn sorted(all: &Delegations) -> Vec<&Delegation> {
    let mut sorted: Vec<&Delegation> = all.iter().collect();
    sorted.sort_by_key(|one| one.until);
    sorted
}

fn detail(one: &Delegation, all: &Delegations, now: Timestamp) -> DelegationDetail {
    DelegationDetail {
        partner: one.partner.clone(),
        customer: one.customer.clone(),
        roles: one.roles.iter().cloned().collect(),
        from: one.from.to_string(),
        until: one.until.to_string(),
        state: one.state(now).name(),
        renewed: all.is_renewed(one),
        seconds_left: one.until.since(now).as_secs(),
    }
}
