//! What is done for one customer: a request or two, each of which may be repeated without harm.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Method};
use mfa_gateway_keys::{ApiCall, ApiClient, ApiResponse, FetchError};
use mfa_gateway_store::{Store, StoreError, VendorCustomer, VendorOutcome};

use super::metrics::VendorMetrics;
use super::pace::Pace;
use super::page::{Place, at};
use super::settings::VendorSettings;
use super::verdict::{Verdict, pause};

/// How many customers in a row the API fails before it is taken to be away.
const STREAK: u32 = 5;

/// What a partner's customers have in common.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) vendor: Arc<VendorSettings>,
    pub(super) partner: String,
    pub(super) store: Store,
    pub(super) client: ApiClient,
    pub(super) metrics: VendorMetrics,
    pub(super) pace: Arc<Pace>,
    pub(super) bearer: HeaderValue,
    /// Why no further request is sent.
    pub(super) halt: Mutex<Option<Halt>>,
    /// How many requests in a row the API could not respond to.
    pub(super) streak: AtomicU32,
}

/// Why no further request is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The API wants a pause.
    Slower(Duration),
    /// The API doesn't accept the token.
    Refused(String),
    /// The API doesn't respond.
    Unavailable,
    /// What is done can't be written down.
    Store,
}

impl Work {
    /// Why no further request is sent, if none is.
    pub(super) fn halted(&self) -> Option<Halt> {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self, why: Halt) {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    /// Does what is due for a customer, and writes it down.
    pub(super) async fn serve(&self, row: &VendorCustomer) {
        let grants = self.vendor.fingerprint();
        let is_removal = row.wanted == "removed";
        // Other grants don't take the place of the older ones.
        let first = is_removal || !row.grants.is_empty() && row.grants != grants;
        let mut kept = row.grants.as_str();
        let mut verdict = Verdict::Done;
        if first {
            let Some(found) = self.send(Method::DELETE, row).await else { return };
            verdict = found;
            kept = if verdict == Verdict::Done { "" } else { kept };
        }
        if !is_removal && verdict == Verdict::Done {
            let Some(found) = self.send(Method::POST, row).await else { return };
            verdict = found;
        }
        let settled = match verdict.after(row.attempts) {
            Verdict::Done | Verdict::Existed if is_removal => self.settle(row, "removed", "", "").await,
            Verdict::Done => self.settle(row, "consented", &grants, "").await,
            Verdict::Existed => self.settle(row, "consented", &grants, "existed").await,
            Verdict::Failed(why) => self.settle(row, "failed", kept, &why).await,
            Verdict::Later(why) => {
                let place = (self.vendor.name.as_str(), self.partner.as_str(), row.customer.as_str());
                self.store.postpone_vendor(place, &why, pause(row.attempts)).await
            }
            Verdict::Slower(time) => return self.stop(Halt::Slower(time)),
            Verdict::Refused(why) => return self.stop(Halt::Refused(why)),
        };
        // What was sent and can't be written down is sent once more. That must not be many.
        if settled.is_err() {
            self.stop(Halt::Store);
        }
    }

    async fn settle(&self, row: &VendorCustomer, state: &str, grants: &str, why: &str) -> Result<bool, StoreError> {
        let (existed, why) = if why == "existed" { (true, "") } else { (false, why) };
        if state == "failed" {
            let (vendor, partner, customer) = (&self.vendor.name, &self.partner, &row.customer);
            tracing::warn!(vendor, partner, customer, why, "a customer's consent to a vendor's application failed");
        }
        let outcome = VendorOutcome {
            vendor: &self.vendor.name,
            partner: &self.partner,
            customer: &row.customer,
            wanted: &row.wanted,
            state,
            grants,
            existed,
            why,
        };
        self.store.settle_vendor(&outcome).await
    }

    /// Sends a request for a customer in its turn; `None` if none is to be sent any more.
    async fn send(&self, method: Method, row: &VendorCustomer) -> Option<Verdict> {
        let mut path = format!("customers/{}/applicationconsents", row.customer);
        let mut body = None;
        if method == Method::POST {
            body = Some(self.vendor.body());
        } else {
            path.extend(["/", &self.vendor.application]);
        }
        let call = ApiCall {
            url: at(&self.vendor.api, &path),
            bearer: self.bearer.clone(),
            field: None,
            body,
            method: method.clone(),
        };
        let verdict = match self.call(call).await? {
            Ok(response) => Verdict::of(&method, &response),
            Err(error) => {
                tracing::debug!(vendor = self.vendor.name, %error, "the partner API can't be called");
                Verdict::Later("no response".to_owned())
            }
        };
        let result = match &verdict {
            Verdict::Done => "ok",
            Verdict::Existed => "existed",
            Verdict::Failed(_) => "failed",
            Verdict::Later(_) => "unavailable",
            Verdict::Slower(_) => "throttled",
            Verdict::Refused(_) => "unauthorized",
        };
        self.metrics.requested(&self.vendor.name, result);
        if !matches!(verdict, Verdict::Later(_)) {
            self.streak.store(0, Ordering::Relaxed);
        } else if self.streak.fetch_add(1, Ordering::Relaxed) + 1 >= STREAK {
            self.stop(Halt::Unavailable);
        }
        Some(verdict)
    }

    /// Fetches a part of the list of customers.
    pub(super) async fn page(&self, place: &Place) -> Option<Result<ApiResponse, FetchError>> {
        let (bearer, field) = (self.bearer.clone(), place.field());
        let response = self.call(ApiCall { method: Method::GET, url: place.url()?, bearer, field, body: None }).await;
        let result = match &response {
            Some(Ok(response)) if response.status.is_success() => "ok",
            Some(Ok(response)) if response.status.as_u16() == 429 => "throttled",
            Some(Ok(response)) if response.status.as_u16() == 401 => "unauthorized",
            Some(Ok(response)) if response.status.is_client_error() => "failed",
            _ => "unavailable",
        };
        self.metrics.requested(&self.vendor.name, result);
        response
    }

    async fn call(&self, call: ApiCall) -> Option<Result<ApiResponse, FetchError>> {
        self.pace.turn().await;
        if self.halted().is_some() {
            return None;
        }
        Some(self.client.call(call).await)
    }
}
