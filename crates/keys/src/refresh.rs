//! The task that keeps an issuer's keys fresh.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempt::{KeyError, Refreshed};
use super::budget::Budgets;
use super::source::KeySource;
use super::status::{Seriousness, Trouble};
use crate::settings::KeyLocation;
use mfa_gateway_core::chain;
use mfa_gateway_core::token::KeySetError;

/// The longest wait before a failed fetch is tried again: with keys, and without.
const MAX_RETRY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));

/// The minimum time between refreshes, whatever `Cache-Control` says.
const MIN_REFRESH: Duration = Duration::from_secs(30);

/// How often a file is read: a change takes effect in time for the tokens of a new key.
const REREAD: Duration = Duration::from_secs(5);

/// How often the age of the keys is looked at: timers stand still while a machine is suspended, the clock doesn't.
const LOOK: Duration = Duration::from_secs(10);

/// How often an unchanged key set is written to disk for its newer time.
const STORE: Duration = Duration::from_secs(60);

impl KeySource {
    /// Keeps the keys fresh until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_fresh() => {}
        }
        // Requests of an earlier configuration may still wait here.
        self.attempts.send_modify(|attempts| {
            attempts.finished += 1;
            attempts.ended = true;
        });
    }

    async fn keep_fresh(&self) {
        let mut trouble = Trouble::default();
        let mut budgets = Budgets::new(Instant::now());
        loop {
            // What was asked for until now is answered by this attempt.
            self.wanted.store(false, Ordering::Release);
            self.doubted.store(false, Ordering::Release);
            let refreshed = self.refresh().await;
            let failed = refreshed.is_err();
            let pause = match refreshed {
                Ok(refreshed) => {
                    self.succeeded(&refreshed, &mut trouble);
                    self.store().await;
                    self.next_refresh(refreshed.max_age)
                }
                Err(error) => {
                    self.failed(&error, &mut trouble);
                    self.random.jitter(self.next_retry(trouble.failures()))
                }
            };
            self.status_mut().next_refresh = Some(self.clock.now().plus(pause));
            self.attempts.send_modify(|attempts| {
                attempts.finished += 1;
                attempts.failed = failed;
                attempts.exhausted_until = Some(budgets.wanted.next(Instant::now()));
            });
            self.rest(Instant::now() + pause, &mut budgets).await;
        }
    }

    /// Waits for the next refresh, or until the keys are too old, or for a token that asks and the budget to allow it.
    async fn rest(&self, next: Instant, budgets: &mut Budgets) {
        loop {
            let now = Instant::now();
            let left = self.time_left();
            if now >= next || left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let wanted = self.wanted.load(Ordering::Acquire).then(|| budgets.wanted.next(now));
            let doubted = self.doubted.load(Ordering::Acquire).then(|| budgets.doubted.next(now));
            if wanted.is_some_and(|at| at <= now) {
                return budgets.wanted.spend(now);
            }
            if doubted.is_some_and(|at| at <= now) {
                return budgets.doubted.spend(now);
            }
            let look = now + LOOK.min(left.unwrap_or(LOOK));
            let until = [Some(next), Some(look), wanted, doubted].into_iter().flatten().min().unwrap_or(next);
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// How long the keys may still be used without a success; `None` if there are none.
    fn time_left(&self) -> Option<Duration> {
        self.current.load().as_ref()?;
        self.age().map(|age| self.settings.max_stale.saturating_sub(age))
    }

    /// How long to wait after a success. A key that was removed must have stopped within the interval, so the jitter
    /// only shortens it.
    fn next_refresh(&self, max_age: Option<Duration>) -> Duration {
        if matches!(self.settings.location, KeyLocation::File(_)) {
            return REREAD;
        }
        // Keys must not grow too old only because nobody looked.
        let interval = self.settings.refresh_interval.min(self.settings.max_stale / 2);
        let floor = MIN_REFRESH.min(interval.mul_f64(0.8));
        let wanted = max_age.map_or(interval, |age| age.clamp(floor, interval));
        self.random.jitter(wanted.mul_f64(0.9)).max(floor)
    }

    /// How long to wait after this many failures: 1, 2, 4 … seconds, but no longer than between refreshes.
    fn next_retry(&self, failures: u32) -> Duration {
        let longest = if self.current.load().is_some() { MAX_RETRY.0 } else { MAX_RETRY.1 };
        if matches!(self.settings.location, KeyLocation::File(_)) {
            return REREAD;
        }
        let longest = longest.min(self.settings.refresh_interval.max(Duration::from_secs(1)));
        Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(longest)
    }

    fn succeeded(&self, refreshed: &Refreshed, trouble: &mut Trouble) {
        if let Some(error) = &refreshed.detour {
            // The keys are fresh, but not without limit: without discovery their age still grows.
            let error = format!("discovery failed; the earlier discovery document is used: {}", chain(error));
            return self.record_failure(&error, trouble);
        }
        let failures = trouble.over();
        self.metrics.failures_in_row.set(0);
        if failures > 0 {
            tracing::info!(issuer = self.name(), failures, "the key refresh succeeds again");
        }
    }

    fn failed(&self, error: &KeyError, trouble: &mut Trouble) {
        self.metrics.failed.inc();
        if let KeyError::Unusable(KeySetError::Unusable(skipped)) = error
            && self.current.load().is_none()
        {
            self.metrics.skipped.set(i64::try_from(skipped.count()).unwrap_or(i64::MAX));
            self.status_mut().skipped = skipped.clone();
        }
        let withdrawn = self.time_left().is_some_and(|left| left.is_zero());
        if withdrawn {
            self.withdraw();
            tracing::error!(
                issuer = self.name(),
                max_stale = self.settings.max_stale.as_secs(),
                "the keys are too old and no longer used: requests with the issuer's tokens get 503 until a refresh \
                 succeeds"
            );
        }
        self.record_failure(&chain(error), trouble);
    }

    fn record_failure(&self, error: &str, trouble: &mut Trouble) {
        let age = self.age();
        let keys = self.status_mut().keys;
        let half_used = age.is_none_or(|age| age > self.settings.max_stale / 2);
        let seriousness = if keys == 0 || half_used { Seriousness::Error } else { Seriousness::Warning };
        let say = trouble.failed(Instant::now(), seriousness);
        let failures = trouble.failures();
        self.metrics.failures_in_row.set(i64::from(failures));
        let (issuer, age) = (self.name(), age.map_or(0, |age| age.as_secs()));
        match (say, seriousness) {
            (false, _) => tracing::debug!(issuer, keys, age, failures, error, "the keys could not be refreshed"),
            (_, Seriousness::Warning) => {
                tracing::warn!(issuer, keys, age, failures, error, "the keys could not be refreshed");
            }
            (_, Seriousness::Error) => {
                tracing::error!(issuer, keys, age, failures, error, "the keys could not be refreshed");
            }
        }
        let mut status = self.status_mut();
        status.failures = failures;
        status.last_error = Some(error.to_owned());
    }

    /// Has the keys in use written to disk, if they are others than those there, or it is time to renew their time.
    async fn store(&self) {
        let Some(archive) = &self.archive else { return };
        let mut memory = self.memory.lock().await;
        let Some(fetched) = self.status_mut().fetched else { return };
        let renew = STORE.min(self.settings.max_stale / 10);
        if memory.stored.is_some_and(|stored| fetched.since(stored) < renew) {
            return;
        }
        if let Some(document) = memory.document() {
            archive.save(document, fetched);
            memory.stored = Some(fetched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::{settings, source};
    use super::*;
    use crate::settings::KeySettings;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn with(refresh_interval: Duration, max_stale: Duration) -> Arc<KeySource> {
        source(KeySettings { refresh_interval, max_stale, ..settings("idp") })
    }

    #[test]
    fn retries_slow_down_to_a_minute_but_not_beyond_the_interval_and_less_without_keys() {
        let retries = |source: &KeySource| [1, 2, 3, 6, 7, 100].map(|failures| source.next_retry(failures).as_secs());
        let document =
            br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"o","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let keys = Arc::new(mfa_gateway_core::token::KeySet::parse(document, None).unwrap());
        let source = with(secs(3600), secs(86_400));
        assert_eq!(retries(&source), [1, 2, 4, 10, 10, 10]);
        source.current.store(Some(Arc::clone(&keys)));
        assert_eq!(retries(&source), [1, 2, 4, 32, 60, 60]);
        let quick = with(secs(5), secs(86_400));
        quick.current.store(Some(keys));
        assert_eq!(retries(&quick), [1, 2, 4, 5, 5, 5]);
    }

    #[test]
    fn a_refresh_never_comes_later_than_the_interval_nor_than_the_keys_can_wait() {
        for (interval, max_stale, longest) in [(3600, 86_400, 3600), (5, 86_400, 5), (3600, 60, 30)] {
            let source = with(secs(interval), secs(max_stale));
            for _ in 0..100 {
                let pause = source.next_refresh(None);
                assert!(pause <= secs(longest) && pause >= secs(longest).mul_f64(0.8), "{interval}: {pause:?}");
            }
        }
    }

    #[test]
    fn a_shorter_max_age_is_honoured_but_is_no_storm() {
        let (source, quick) = (with(secs(3600), secs(86_400)), with(secs(5), secs(86_400)));
        for _ in 0..100 {
            let pause = source.next_refresh(Some(secs(600)));
            assert!((secs(480)..=secs(600)).contains(&pause), "{pause:?}");
            assert!(source.next_refresh(Some(secs(1_000_000))) <= secs(3600));
            assert_eq!(source.next_refresh(Some(Duration::ZERO)), secs(30));
            let pause = quick.next_refresh(Some(Duration::ZERO));
            assert!((secs(4)..=secs(5)).contains(&pause), "{pause:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_ends_when_it_is_told_to_and_lets_nobody_wait() {
        let source = source(settings("idp"));
        let stop = CancellationToken::new();
        stop.cancel();
        Arc::clone(&source).run(stop).await;
        let start = Instant::now();
        source.ask().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
