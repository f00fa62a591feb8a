//! Vendors as operators see them.

use std::sync::Arc;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::{Store, StoreError, VendorCounts, VendorCustomer, VendorRun};
use schemars::JsonSchema;
use serde::Serialize;

use super::calls::{Lately, Purge, calls};
use super::settings::{PartnerSettings, VendorSettings};
use crate::consent::{ConsentState, Keeper};
use crate::report::Reader;

/// How many customers are listed where it failed.
const MOST_FAILURES: u32 = 100;

/// A control panel vendor.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct VendorDetail {
    /// Its name.
    pub(crate) name: String,
    /// The id of its application.
    pub(crate) application: String,
    /// The base of the partner API.
    pub(crate) api: String,
    /// A fingerprint of what customers consent to.
    pub(crate) grants: String,
    /// The partners, in the order of the configuration.
    pub(crate) partners: Vec<PartnerDetail>,
}

/// A partner of a vendor.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct PartnerDetail {
    /// Its name.
    pub(crate) name: String,
    /// Its tenant.
    pub(crate) tenant: String,
    /// The name of the consent that it gave.
    pub(crate) consent: String,
    /// The state of that consent.
    pub(crate) consent_state: &'static str,
    /// What to do about it; empty if it is fine.
    pub(crate) remedy: &'static str,
    /// How many customers are in each state.
    pub(crate) customers: CustomerCounts,
    /// Customers where it failed, at most 100.
    pub(crate) failures: Vec<FailedCustomer>,
    /// What an operator last asked for; `null` if nothing yet.
    pub(crate) asked: Option<AskedFor>,
    /// How the application called for this partner lately; `null` without a report.
    pub(crate) calls: Option<Lately>,
    /// The last statement that the partner's stored credentials are gone; `null` if there is none.
    pub(crate) purge: Option<Purge>,
}

/// How many customers are in each state.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct CustomerCounts {
    /// Those that wait.
    pub(crate) due: i64,
    /// Those that have consented.
    pub(crate) consented: i64,
    /// Those of them whose consent was there before: to which grants isn't known.
    pub(crate) existed: i64,
    /// Those of them that have consented to other grants than the configuration's.
    pub(crate) other_grants: i64,
    /// Those whose consent was taken back.
    pub(crate) removed: i64,
    /// Those where it failed.
    pub(crate) failed: i64,
}

/// A customer where it failed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FailedCustomer {
    /// Its tenant.
    pub(crate) customer: String,
    /// Its name, as the partner's list has it.
    pub(crate) name: String,
    /// The API's status and code.
    pub(crate) why: String,
    /// When (RFC 3339).
    pub(crate) at: String,
}

/// What an operator last asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct AskedFor {
    /// When (RFC 3339).
    pub(crate) at: String,
    /// By whom.
    pub(crate) by: String,
    /// Whether the list of customers is still being read.
    pub(crate) listing: bool,
    /// When there was progress last (RFC 3339).
    pub(crate) progress: String,
    /// Why nothing goes on; empty if it does.
    pub(crate) trouble: String,
}

/// A vendor as it is now.
///
/// # Errors
///
/// If the store can't be used.
pub(crate) async fn shown(
    vendor: &VendorSettings,
    keepers: &[Arc<Keeper>],
    (store, report): (&Store, Option<&Reader>),
    now: Timestamp,
) -> Result<VendorDetail, StoreError> {
    let (runs, purges, grants) =
        (store.vendor_runs(&vendor.name).await?, store.purges(&vendor.name).await?, vendor.fingerprint());
    let mut partners = Vec::new();
    for partner in &vendor.partners {
        let place = (vendor.name.as_str(), partner.name.as_str());
        let counts = store.count_vendor(place, &grants).await?;
        let failures = store.customers_of_vendor(place, "failed", "", MOST_FAILURES).await?;
        let run = runs.iter().find(|run| run.partner == partner.name);
        let purge = purges.iter().find(|purge| purge.partner == partner.name);
        let (calls, purge) = calls((vendor, partner), purge, report, now).await?;
        let (consent_state, remedy) = state(partner, keepers).await?;
        partners.push(PartnerDetail {
            name: partner.name.clone(),
            tenant: partner.tenant.clone(),
            consent: partner.consent.clone(),
            consent_state,
            remedy,
            customers: counts.into(),
            failures: failures.into_iter().map(FailedCustomer::from).collect(),
            asked: run.map(|run| asked(run, &counts)),
            calls,
            purge,
        });
    }
    let (name, application, api) = (vendor.name.clone(), vendor.application.clone(), vendor.api.to_string());
    Ok(VendorDetail { name, application, api, grants, partners })
}

async fn state(partner: &PartnerSettings, keepers: &[Arc<Keeper>]) -> Result<(&'static str, &'static str), StoreError> {
    let keeper = keepers.iter().find(|keeper| keeper.settings().name == partner.consent);
    let Some(keeper) = keeper else { return Ok((ConsentState::Absent.code(), ConsentState::Absent.remedy())) };
    let kept = keeper.kept().await?;
    Ok((kept.state, kept.remedy))
}

fn asked(run: &VendorRun, counts: &VendorCounts) -> AskedFor {
    AskedFor {
        at: time(run.asked),
        by: run.asked_by.clone(),
        listing: run.listing,
        progress: time(run.progress.max(counts.last)),
        trouble: run.trouble.clone(),
    }
}

fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_rfc3339()
}

impl From<VendorCounts> for CustomerCounts {
    fn from(counts: VendorCounts) -> Self {
        let VendorCounts { due, consented, existed, other_grants, removed, failed, .. } = counts;
        Self { due, consented, existed, other_grants, removed, failed }
    }
}

impl From<VendorCustomer> for FailedCustomer {
    fn from(row: VendorCustomer) -> Self {
        Self { at: time(row.at), customer: row.customer, name: row.name, why: row.why }
    }
}
