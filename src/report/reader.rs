//! The report from the store: what all replicas counted.

use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::UserKind;
use mfa_gateway_store::{By, CustomerRequests, RecentRequest, StoreError, Tally, UserRequests};
use serde::Serialize;
use tokio::time::timeout;

use super::accounts::{AccountFiles, AccountList};
use super::asked::Asked;
use super::counted::Outcome;
use super::customers::Requests;
use super::day::Day;
use super::flusher::Flusher;
use super::share::Share;
use super::status::{Request, Span, StatusReport, WithoutMfa, credential};
use super::totals::{Place, Totals};

/// How long a report waits for the counts of this replica to be flushed.
const PATIENCE: Duration = Duration::from_secs(1);

/// When a user's records are deleted once more: after the other replicas' next flush.
const AGAIN: Duration = Duration::from_secs(15);

/// The most users in a report.
const MAX_USERS: u32 = 10_000;

/// Reads reports. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    flusher: Arc<Flusher>,
    /// The lists of accounts.
    accounts: Arc<AccountFiles>,
}

/// What the users of an application did on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfApplication {
    pub(crate) day: Day,
    pub(crate) issuer: String,
    pub(crate) application: String,
    /// Requests with a session.
    pub(crate) portal: Share,
    /// Requests with a token.
    pub(crate) api: Share,
    /// Requests without a user.
    pub(crate) app_only: u64,
}

impl Reader {
    /// One that reads what this adds to.
    pub(crate) fn new(flusher: Arc<Flusher>) -> Self {
        Self { flusher, accounts: Arc::default() }
    }

    /// What adds to the store.
    pub(crate) fn flusher(&self) -> &Arc<Flusher> {
        &self.flusher
    }

    /// The lists of accounts that it shows.
    pub(crate) fn accounts(&self) -> &AccountFiles {
        &self.accounts
    }

    /// The days that a report is about.
    pub(crate) fn span(&self, asked: &Asked) -> Span {
        let today = Day::of(self.flusher.clock.now());
        asked.span(today, self.flusher.earliest(self.flusher.settings.days))
    }

    /// The report. Its list of the latest requests is empty; see [`Self::requests`].
    ///
    /// Where a user is asked for, the shares are that user's, and applications, tenants and routes are not told apart.
    /// Customers are told apart unless a user, an application or a route is asked for, and of a tenant alone if one is.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub(crate) async fn status(&self, asked: &Asked) -> Result<StatusReport, StoreError> {
        self.catch_up().await;
        let span = self.span(asked);
        let (wanted, store) = (asked.wanted(span), &self.flusher.store);
        let (mut totals, mut is_cut) = (Totals::default(), false);
        // One more than listed tells that there are more.
        let most = asked.most_users.unwrap_or(MAX_USERS).min(MAX_USERS);
        let mut without = store.without_mfa(&wanted, most + 1).await?;
        is_cut |= without.len() > most as usize;
        without.truncate(most as usize);
        if asked.user.is_some() {
            for day in store.user_days(&wanted).await? {
                for (outcome, count) in outcomes(&day) {
                    totals.add_to_day(Day::from_number(day.day), day.credential == "session", outcome, count);
                }
            }
        } else {
            for tally in store.sums(&wanted, By::Day).await? {
                let Some((outcome, count)) = outcome(&tally) else { continue };
                totals.add_to_day(Day::from_number(tally.day), tally.credential == "session", outcome, count);
            }
            for tally in store.sums(&wanted, By::Rest).await? {
                let Some((outcome, count)) = outcome(&tally) else { continue };
                // A route is never empty, unless there was no room for its name.
                is_cut |= tally.route.is_empty();
                totals.add(place(&tally), outcome, count);
            }
            if asked.application.is_none() && asked.route.is_none() {
                for about in store.customers(&wanted).await? {
                    let requests = about_customer(&about);
                    totals.customers.add([about.issuer, about.customer, about.partner], &requests);
                }
            }
        }
        let without = without.into_iter().map(without_mfa).collect();
        let registered = self.registered(asked).await;
        let report = totals.finish(Some(span), without);
        Ok(StatusReport { registered, is_cut: is_cut || report.is_cut, ..report })
    }

    /// The latest requests of users, the last first: at most so many, and 10,000.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub(crate) async fn requests(&self, asked: &Asked, most: u32) -> Result<Vec<Request>, StoreError> {
        self.catch_up().await;
        let requests = self.flusher.store.recent(&asked.wanted(self.span(asked)), most).await?;
        Ok(requests.into_iter().map(request).collect())
    }

    /// The users who were seen without MFA, the last first.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub(crate) async fn without_mfa(&self, asked: &Asked) -> Result<Vec<WithoutMfa>, StoreError> {
        self.catch_up().await;
        let users = self.flusher.store.without_mfa(&asked.wanted(self.span(asked)), MAX_USERS).await?;
        Ok(users.into_iter().map(without_mfa).collect())
    }

    /// What the users of each application did on each day, the newest day first.
    ///
    /// # Errors
    ///
    /// If the store can't be read.
    pub(crate) async fn applications_by_day(&self, asked: &Asked) -> Result<Vec<OfApplication>, StoreError> {
        self.catch_up().await;
        let wanted = asked.wanted(self.span(asked));
        let mut tallies = self.flusher.store.sums(&wanted, By::DayAndApplication).await?;
        tallies.sort_by(|one, other| {
            (other.day, &one.issuer, &one.application).cmp(&(one.day, &other.issuer, &other.application))
        });
        let mut all: Vec<OfApplication> = Vec::new();
        for tally in &tallies {
            let Some((outcome, count)) = outcome(tally) else { continue };
            let day = Day::from_number(tally.day);
            let is_its = |last: &OfApplication| {
                last.day == day && last.issuer == tally.issuer && last.application == tally.application
            };
            if !all.last().is_some_and(is_its) {
                let (issuer, application) = (tally.issuer.clone(), tally.application.clone());
                let (portal, api) = (Share::default(), Share::default());
                all.push(OfApplication { day, issuer, application, portal, api, app_only: 0 });
            }
            let Some(of) = all.last_mut() else { continue };
            let share = if tally.credential == "session" { &mut of.portal } else { &mut of.api };
            share.add(outcome, count);
            of.app_only += if outcome == Outcome::AppOnly { count } else { 0 };
        }
        Ok(all)
    }

    /// Deletes what names a user, by the issuer's name, the tenant and the id, and returns how many records that were. What
    /// other replicas have yet to flush comes after it, so that it is done once more after their next flush.
    ///
    /// # Errors
    ///
    /// If the store doesn't do it.
    pub(crate) async fn erase(&self, issuer: &str, tenant: &str, user: &str) -> Result<u64, StoreError> {
        self.flusher.flush().await?;
        let erased = self.flusher.store.erase(issuer, tenant, user).await?;
        let (flusher, who) = (Arc::clone(&self.flusher), [issuer, tenant, user].map(str::to_owned));
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            let [issuer, tenant, user] = &who;
            if let Err(error) = flusher.store.erase(issuer, tenant, user).await {
                tracing::warn!(error = chain(&error), "a user's records could not be deleted once more; repeat it");
            }
        });
        Ok(erased)
    }

    /// What the lists of accounts say. It may take a while, so that it isn't for a thread that serves.
    async fn registered(&self, asked: &Asked) -> Option<Vec<AccountList>> {
        let (accounts, issuer, tenant) = (Arc::clone(&self.accounts), asked.issuer.clone(), asked.tenant.clone());
        let read = move || accounts.lists(issuer.as_deref(), tenant.as_deref());
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }

    /// Has this replica's counts flushed, so that figures are those of now.
    async fn catch_up(&self) {
        if !matches!(timeout(PATIENCE, self.flusher.flush()).await, Ok(Ok(()))) {
            tracing::debug!("a report lacks the latest counts of this process, since they can't be stored");
        }
    }
}

fn outcome(tally: &Tally) -> Option<(Outcome, u64)> {
    Some((Outcome::from_name(&tally.outcome)?, unsigned(tally.count)))
}

fn outcomes(day: &UserRequests) -> [(Outcome, u64); 5] {
    [
        (Outcome::WithMfa, unsigned(day.with_mfa)),
        (Outcome::Refused, unsigned(day.refused)),
        (Outcome::Exempt, unsigned(day.exempt)),
        (Outcome::ReportOnly, unsigned(day.report_only)),
        (Outcome::Off, unsigned(day.off)),
    ]
}

fn place(tally: &Tally) -> Place<'_> {
    let Tally { issuer, tenant, application, route, exception, .. } = tally;
    Place { issuer, tenant, application, route, exception }
}

fn about_customer(about: &CustomerRequests) -> Requests {
    let mut requests = Requests { by_context: unsigned(about.by_context), ..Requests::default() };
    for (outcome, count) in [
        (Outcome::WithMfa, about.with_mfa),
        (Outcome::Refused, about.refused),
        (Outcome::Exempt, about.exempt),
        (Outcome::ReportOnly, about.report_only),
        (Outcome::Off, about.off),
        (Outcome::AppOnly, about.app_only),
    ] {
        requests.add(outcome, unsigned(count), false);
    }
    requests
}

fn without_mfa(user: UserRequests) -> WithoutMfa {
    WithoutMfa {
        kind: UserKind::from_name(Some(&user.kind)).name().map(Into::into),
        requests: unsigned(user.without_mfa()),
        refused: unsigned(user.refused),
        exempt: unsigned(user.exempt),
        report_only: unsigned(user.report_only),
        off: unsigned(user.off),
        credential: credential(user.credential == "session").into(),
        last: time(user.last),
        issuer: user.issuer,
        tenant: user.tenant,
        user: user.user,
        name: user.name,
        route: user.route,
        application: user.application,
    }
}

fn request(request: RecentRequest) -> Request {
    Request {
        time: time(request.at),
        request_id: request.request_id,
        correlation_id: request.correlation_id,
        operation: format!("{} {}", request.method, request.route),
        address: Some(request.address).filter(|address| !address.is_empty()),
        credential: credential(request.credential == "session").into(),
        issuer: request.issuer,
        tenant: request.tenant,
        user: request.user,
        name: request.name,
        application: request.application,
        compliant: request.compliant,
    }
}

fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_rfc3339()
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
