//! Control panel vendors, for operators: how far each partner is, and what is to be done for its customers.

mod asked;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use mfa_gateway_store::{Store, StoreError, VendorWish};
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::operator::Operator;
use super::posted::Posted;
use super::refused::Refused;
use super::respond::Json;
use crate::gateway::Notice;
use crate::vendors::{VendorDetail, VendorSettings, shown};
pub(super) use asked::{CustomersQuestion, PurgedQuestion};

const UNKNOWN: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_such_partner",
    description: "The configuration has no vendor of this name with this partner.",
    remedy: "See `/vendors` for their names, or add it to `vendors`.",
};

const UNAVAILABLE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "store_unavailable",
    description: "The store does not respond.",
    remedy: "Try again once the store can be reached; the diagnostics log says why it can't.",
};

/// The control panel vendors.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct VendorsAnswer {
    /// Every configured vendor, in the order of the configuration.
    vendors: Vec<VendorDetail>,
}

/// What was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TakenAnswer {
    /// Whether it was written down. It is done from then on, by one of the replicas.
    taken: bool,
}

/// Lists the vendors.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<VendorsAnswer>, Refused> {
    Ok(Json(VendorsAnswer { vendors: listed(&admin).await? }))
}

/// The vendors as they are now.
pub(super) async fn listed(admin: &Admin) -> Result<Vec<VendorDetail>, Refused> {
    let live = admin.live.load_full();
    let Some(store) = &admin.store else { return Ok(Vec::new()) };
    let mut vendors = Vec::new();
    for vendor in live.vendors.iter() {
        let sources = (store, admin.report.as_ref());
        vendors.push(shown(vendor, &live.keepers, sources, live.clock.now()).await.map_err(failed)?);
    }
    Ok(vendors)
}

/// Has customers consent.
pub(super) async fn consent(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(question): Posted<CustomersQuestion>,
) -> Result<Json<TakenAnswer>, Refused> {
    wish(&admin, &operator.name, &question, "consented").await
}

/// Has the consents of customers taken back.
pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(question): Posted<CustomersQuestion>,
) -> Result<Json<TakenAnswer>, Refused> {
    wish(&admin, &operator.name, &question, "removed").await
}

/// Takes the statement that a partner's stored credentials are gone.
pub(super) async fn purged(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(question): Posted<PurgedQuestion>,
) -> Result<Json<TakenAnswer>, Refused> {
    state_purge(&admin, &operator.name, &question).await
}

/// Notes what an operator wants for customers.
pub(super) async fn wish(
    admin: &Admin,
    operator: &str,
    question: &CustomersQuestion,
    wanted: &str,
) -> Result<Json<TakenAnswer>, Refused> {
    let CustomersQuestion { vendor, partner, all, customers, anew } = question;
    let (settings, store) = known(admin, vendor, partner)?;
    let is_removal = wanted == "removed";
    let grants = if is_removal { String::new() } else { settings.fingerprint() };
    let anew = *anew && !is_removal;
    let customers: Vec<String> = customers.iter().map(|id| id.to_ascii_lowercase()).collect();
    let wish = VendorWish { vendor, partner, wanted, grants: &grants, anew, by: operator };
    let these = (!all).then_some(customers.as_slice());
    store.wish_of_vendor(&wish, these).await.map_err(failed)?;
    tracing::info!(
        vendor,
        partner,
        operator,
        wanted,
        all,
        customers = customers.len(),
        anew,
        "customers are to follow"
    );
    Ok(Json(TakenAnswer { taken: true }))
}

/// Notes an operator's statement.
pub(super) async fn state_purge(
    admin: &Admin,
    operator: &str,
    question: &PurgedQuestion,
) -> Result<Json<TakenAnswer>, Refused> {
    let PurgedQuestion { vendor, partner, how } = question;
    let (_, store) = known(admin, vendor, partner)?;
    store.state_purge(vendor, partner, operator, how.trim()).await.map_err(failed)?;
    tracing::info!(vendor, partner, operator, "a partner's stored credentials are stated to be gone");
    Ok(Json(TakenAnswer { taken: true }))
}

/// The vendor of this name, if it has this partner.
fn known<'a>(admin: &'a Admin, vendor: &str, partner: &str) -> Result<(Arc<VendorSettings>, &'a Store), Refused> {
    let live = admin.live.load();
    let found = live.vendors.iter().find(|one| one.name == vendor && one.partner(partner).is_some());
    found.cloned().zip(admin.store.as_ref()).ok_or_else(|| Refused::from(&UNKNOWN))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn failed(error: StoreError) -> Refused {
    tracing::warn!(kind = error.kind(), %error, "the store of vendors failed an operator");
    (&UNAVAILABLE).into()
}
