//! Does for the customers of partners what operators asked for, one replica at a time for each vendor.
//!
//! Whatever ends the process, the store knows which customers are due. Each request may be repeated without harm, and at most
//! those are that were under way.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use mfa_gateway_core::chain;
use mfa_gateway_keys::ApiClient;
use mfa_gateway_store::{Store, StoreError, VendorRun};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::metrics::VendorMetrics;
use super::pace::Pace;
use super::page::{Page, Place};
use super::settings::VendorSettings;
use super::work::{Halt, Work};
use crate::consent::{Keeper, Wanted};

/// How long a replica works for a vendor before another configuration, or another replica, may take over.
const TURN: Duration = Duration::from_secs(10);

/// How long the right to that lasts. The requests under way end before.
const LEASE: Duration = Duration::from_secs(30);

/// How long before it is asked for again.
const RENEW: Duration = Duration::from_secs(5);

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// The pauses after what passes by itself, and after what somebody has to mend.
const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(60);

/// The most customers of a partner.
const MOST: u64 = 100_000;

/// Does what operators asked for.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Where it is written down.
    pub store: Store,
    /// What calls the partner API.
    pub client: ApiClient,
    /// What is counted.
    pub metrics: VendorMetrics,
    /// The name of this process among replicas.
    pub replica: String,
}

/// Why a vendor's turn ends before its time.
enum End {
    /// Nobody may call so long.
    Pause(Duration),
    /// The store fails, or another replica works.
    Over,
}

impl From<StoreError> for End {
    fn from(_: StoreError) -> Self {
        Self::Over
    }
}

impl Runner {
    /// Works for a vendor for a while; whether there is more to do at once.
    pub async fn turn(&self, vendor: &Arc<VendorSettings>, keepers: &[Arc<Keeper>], stop: &CancellationToken) -> bool {
        let began = Instant::now();
        let mut pace = None;
        while began.elapsed() < TURN && !stop.is_cancelled() {
            let Ok(runs) = self.store.vendor_runs(&vendor.name).await else { return false };
            let is_ours = |run: &VendorRun| run.is_due && vendor.partner(&run.partner).is_some();
            let due: Vec<_> = runs.into_iter().filter(is_ours).collect();
            if due.is_empty() {
                self.release(vendor, pace.is_some(), Duration::ZERO).await;
                return false;
            }
            let pace = pace.get_or_insert_with(|| Arc::new(Pace::new(vendor.requests_per_second)));
            for run in due {
                match self.part(vendor, keepers, &run, pace).await {
                    Ok(()) => {}
                    Err(End::Pause(time)) => {
                        self.release(vendor, true, time).await;
                        return false;
                    }
                    Err(End::Over) => return false,
                }
                if stop.is_cancelled() {
                    break;
                }
            }
        }
        self.release(vendor, true, Duration::ZERO).await;
        true
    }

    async fn release(&self, vendor: &VendorSettings, has_it: bool, pause: Duration) {
        if has_it {
            // A lease that isn't given back ends by itself.
            let _ = self.store.release_vendor(&vendor.name, &self.replica, pause).await;
        }
    }

    /// Does a part of what is due for a partner.
    async fn part(
        &self,
        vendor: &Arc<VendorSettings>,
        keepers: &[Arc<Keeper>],
        run: &VendorRun,
        turns: &Arc<Pace>,
    ) -> Result<(), End> {
        if !self.store.lease_vendor(&vendor.name, &self.replica, LEASE).await? {
            return Err(End::Over);
        }
        let place = (vendor.name.as_str(), run.partner.as_str());
        let bearer = match bearer(vendor, &run.partner, keepers).await {
            Ok(bearer) => bearer,
            Err((why, time)) => return self.trouble(place, why, time).await,
        };
        let work = Arc::new(Work {
            vendor: Arc::clone(vendor),
            partner: run.partner.clone(),
            store: self.store.clone(),
            client: self.client.clone(),
            metrics: self.metrics.clone(),
            pace: Arc::clone(turns),
            bearer,
            halt: std::sync::Mutex::default(),
            streak: AtomicU32::default(),
        });
        if run.listing {
            return self.list(&work, run).await;
        }
        let most = vendor.requests_per_second.saturating_mul(3).clamp(1, 150);
        let (mut under_way, mut leased) = (JoinSet::new(), Instant::now());
        for row in self.store.due_of_vendor(place, most).await? {
            if under_way.len() >= AT_ONCE {
                under_way.join_next().await;
            }
            if leased.elapsed() > RENEW {
                if !self.store.lease_vendor(place.0, &self.replica, LEASE).await? {
                    break;
                }
                leased = Instant::now();
            }
            if work.halted().is_some() {
                break;
            }
            let work = Arc::clone(&work);
            under_way.spawn(async move { work.serve(&row).await });
        }
        while under_way.join_next().await.is_some() {}
        match work.halted() {
            None if run.trouble.is_empty() || run.trouble.starts_with("list_") => Ok(()),
            None => self.trouble(place, "", Duration::ZERO).await,
            Some(halt) => self.halted(place, halt).await,
        }
    }

    async fn halted(&self, place: (&str, &str), halt: Halt) -> Result<(), End> {
        match halt {
            Halt::Slower(time) => Err(End::Pause(time)),
            Halt::Refused(why) => {
                tracing::warn!(vendor = place.0, partner = place.1, why, "the partner API doesn't accept the token");
                self.trouble(place, "token_refused", LATER).await
            }
            Halt::Unavailable => self.trouble(place, "api_unavailable", SOON).await,
            Halt::Store => Err(End::Over),
        }
    }

    async fn trouble(&self, place: (&str, &str), why: &str, pause: Duration) -> Result<(), End> {
        if !why.is_empty() {
            tracing::info!(vendor = place.0, partner = place.1, why, "nothing goes on for a partner's customers");
        }
        self.store.trouble_vendor(place, why, pause).await?;
        Ok(())
    }

    /// Reads a part of the list of customers.
    async fn list(&self, work: &Work, run: &VendorRun) -> Result<(), End> {
        let (vendor, place) = (&*work.vendor, (work.vendor.name.as_str(), run.partner.as_str()));
        let from = Place::stored(&vendor.api, &run.next).unwrap_or_else(|| Place::first(&vendor.api));
        let response = match work.page(&from).await {
            Some(Ok(response)) => response,
            Some(Err(error)) => {
                tracing::info!(vendor = place.0, error = chain(&error), "the partner API can't be called");
                return self.trouble(place, "api_unavailable", SOON).await;
            }
            None => return Ok(()),
        };
        match response.status.as_u16() {
            200 => {}
            429 => return Err(End::Pause(response.retry_after.unwrap_or(Duration::from_secs(1)).min(LATER * 15))),
            401 => return self.halted(place, Halt::Refused("401".to_owned())).await,
            500.. => return self.trouble(place, "api_unavailable", SOON).await,
            _ => return self.trouble(place, "list_refused", LATER).await,
        }
        let page = match Page::read(&vendor.api, &response.bytes) {
            Ok(page) => page,
            Err(error) => return self.end_list(place, &error.to_string()).await,
        };
        if page.odd > 0 {
            tracing::warn!(
                vendor = place.0,
                partner = place.1,
                count = page.odd,
                "customers without a tenant are left out"
            );
        }
        let (grants, next) = (vendor.fingerprint(), page.next.as_ref().map(Place::text));
        let wanted = if run.wanted == "removed" { "" } else { grants.as_str() };
        let fresh = self.store.list_vendor(place.0, run, wanted, &page.customers, next.as_deref()).await?;
        // A list that leads back to itself brings nobody new.
        if fresh == Some(0) && next.is_some() {
            return self.end_list(place, "list_repeats").await;
        }
        let counts = self.store.count_vendor(place, &grants).await?;
        let all = counts.due + counts.consented + counts.removed + counts.failed;
        if next.is_some() && u64::try_from(all).unwrap_or_default() > MOST {
            return self.end_list(place, "list_too_large").await;
        }
        Ok(())
    }

    async fn end_list(&self, place: (&str, &str), why: &str) -> Result<(), End> {
        tracing::warn!(
            vendor = place.0,
            partner = place.1,
            why,
            "a partner's list of customers is not read to its end"
        );
        self.store.end_vendor_list(place, why).await?;
        Ok(())
    }

    /// Notes in the metrics how far a vendor's partners are.
    pub async fn observe(&self, vendor: &VendorSettings) {
        // A store that can't be reached has its own metric.
        let Ok(runs) = self.store.vendor_runs(&vendor.name).await else { return };
        let grants = vendor.fingerprint();
        for partner in &vendor.partners {
            let place = (vendor.name.as_str(), partner.name.as_str());
            let Ok(counts) = self.store.count_vendor(place, &grants).await else { return };
            let run = runs.iter().find(|run| run.partner == partner.name);
            let blocked = run.is_some_and(|run| !run.trouble.is_empty());
            let progress = run.map_or(0, |run| run.progress).max(counts.last);
            self.metrics.note(place, &counts, blocked, progress);
        }
    }
}

/// The partner's token for the API; otherwise why there is none, and how long not to ask again.
async fn bearer(
    vendor: &VendorSettings,
    partner: &str,
    keepers: &[Arc<Keeper>],
) -> Result<http::HeaderValue, (&'static str, Duration)> {
    let consent = vendor.partner(partner).map(|partner| partner.consent.as_str());
    let keeper = keepers.iter().find(|keeper| Some(keeper.settings().name.as_str()) == consent);
    let keeper = keeper.ok_or(("no_consent", LATER))?;
    // No program's name has a colon.
    let caller = format!("vendor:{}", vendor.name);
    match keeper.token(&Wanted { tenant: None, scope: vendor.scope.clone() }, &caller).await {
        Ok(issued) if issued.mfa == Some(false) => Err(("consent_no_mfa", LATER)),
        Ok(issued) => Ok(issued.bearer.clone()),
        Err(error) => Err((error.code(), if error.is_passing() { SOON } else { LATER })),
    }
}
