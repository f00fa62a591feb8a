//! The task that fetches an issuer's keys.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::source::{KeyError, KeySource, Status};
use crate::config::KeyLocation;
use crate::token::KeySet;
use crate::{net, oidc};

/// The longest wait before a failed fetch is tried again.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// The shortest time between refreshes, whatever `Cache-Control` says.
const MIN_REFRESH: Duration = Duration::from_secs(30);

impl KeySource {
    /// Keeps the keys fresh until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        let mut budget = Budget::new(Instant::now());
        loop {
            // What was asked for until now is answered by this attempt.
            self.wanted.store(false, Ordering::Release);
            let pause = match self.refresh().await {
                Ok(max_age) => {
                    failures = 0;
                    let interval = self.settings.refresh_interval;
                    self.random.jitter(max_age.map_or(interval, |age| age.clamp(MIN_REFRESH.min(interval), interval)))
                }
                Err(error) => {
                    failures += 1;
                    self.record_failure(&error);
                    self.random.jitter(retry_after(failures))
                }
            };
            self.attempts.send_modify(|attempts| {
                attempts.finished += 1;
                attempts.exhausted_until = Some(budget.next(Instant::now()));
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.rest(Instant::now() + pause, &mut budget) => {}
            }
        }
    }

    /// Waits for the next refresh, or for a token that asks for one and the budget to allow it.
    async fn rest(&self, next: Instant, budget: &mut Budget) {
        while !self.wanted.load(Ordering::Acquire) {
            tokio::select! {
                () = sleep_until(next) => return,
                () = self.wake.notified() => {}
            }
        }
        let allowed = budget.next(Instant::now());
        if allowed > next {
            return sleep_until(next).await;
        }
        sleep_until(allowed).await;
        budget.next(Instant::now());
        budget.spend(Instant::now());
    }

    /// Fetches the keys once, and puts them in place of the old ones.
    pub(crate) async fn refresh(&self) -> Result<Option<Duration>, KeyError> {
        let url = match &self.settings.location {
            KeyLocation::Jwks(url) => url.clone(),
            KeyLocation::Discovery { url, issuer } => oidc::jwks_uri(&self.fetcher, url, issuer).await?,
        };
        let fetched = self.fetcher.get(&url).await?;
        let old = self.current.load_full();
        let new = Arc::new(KeySet::parse(&fetched.document, old.as_deref())?);
        self.publish(old.as_deref(), &new);
        Ok(fetched.max_age)
    }

    fn publish(&self, old: Option<&KeySet>, new: &Arc<KeySet>) {
        self.current.store(Some(Arc::clone(new)));
        // Cached verifications rest on keys; with a key that is gone they must end.
        for key in old.into_iter().flat_map(KeySet::iter) {
            if !new.iter().any(|kept| Arc::ptr_eq(kept, key)) {
                key.retire();
            }
        }
        let now = self.clock.now();
        let keys = new.iter().count();
        self.metrics.fetched.inc();
        self.metrics.keys.set(i64::try_from(keys).unwrap_or(i64::MAX));
        self.metrics.skipped.set(i64::try_from(new.skipped().len()).unwrap_or(i64::MAX));
        self.metrics.fetched_at.set(now.as_secs());
        for reason in new.skipped() {
            tracing::debug!(issuer = self.name(), %reason, "an entry of the key set is not used");
        }
        tracing::debug!(issuer = self.name(), keys, skipped = new.skipped().len(), "keys fetched");
        self.set_status(Status { fetched: Some(now), keys, last_error: None });
    }

    fn record_failure(&self, error: &KeyError) {
        self.metrics.failed.inc();
        let text = net::chain(error);
        let mut status = self.status();
        tracing::warn!(issuer = self.name(), keys = status.keys, error = text, "the keys could not be refreshed");
        status.last_error = Some(text);
        self.set_status(status);
    }

    fn set_status(&self, status: Status) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// 1, 2, 4 … seconds.
fn retry_after(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(MAX_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_slow_down_to_a_minute() {
        let seconds: Vec<_> =
            [1, 2, 3, 6, 7, 100].into_iter().map(|failures| retry_after(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60]);
    }
}
