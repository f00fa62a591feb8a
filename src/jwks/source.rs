//! The source of an issuer's keys, as requests see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};
use crate::config::KeySettings;
use crate::net::{FetchError, Fetcher};
use crate::oidc::DiscoveryError;
use crate::random::Random;
use crate::telemetry::IssuerMetrics;
use crate::token::{self, KeySet};

/// Why keys could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Discovery failed.
    #[error("discovery failed")]
    Discovery(#[from] DiscoveryError),
    /// The key set could not be had.
    #[error("the key set could not be fetched")]
    Fetch(#[from] FetchError),
    /// The key set has no usable key.
    #[error("the key set can't be used: {0}")]
    Unusable(#[from] token::KeyError),
}

/// The keys of an issuer, kept fresh by its task.
#[derive(Debug)]
pub(crate) struct KeySource {
    pub(super) settings: KeySettings,
    pub(super) fetcher: Fetcher,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) metrics: IssuerMetrics,
    pub(super) current: ArcSwapOption<KeySet>,
    pub(super) status: Mutex<Status>,
    /// Set by a token that no key fits; the task takes it.
    pub(super) wanted: AtomicBool,
    pub(super) wake: Notify,
    /// How far the task is, for those who wait.
    pub(super) attempts: watch::Sender<Attempts>,
}

/// How far the task is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    /// The number of finished attempts.
    pub(super) finished: u64,
    /// When the budget allows the next attempt, if it is used up.
    pub(super) exhausted_until: Option<Instant>,
}

/// What is known of a source, for health and logs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// When the keys were last fetched.
    pub fetched: Option<Timestamp>,
    /// How many keys are usable.
    pub keys: usize,
    /// What the last attempt failed of, if it did.
    pub last_error: Option<String>,
}

impl KeySource {
    /// A source without keys yet; [`Self::run`] fetches them.
    ///
    /// # Errors
    ///
    /// If the client for fetching can't be made.
    pub(crate) fn new(
        settings: KeySettings,
        clock: Clock,
        random: Random,
        metrics: IssuerMetrics,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            fetcher: Fetcher::new(settings.timeout, settings.allow_http)?,
            settings,
            clock,
            random,
            metrics,
            current: ArcSwapOption::empty(),
            status: Mutex::default(),
            wanted: AtomicBool::new(false),
            wake: Notify::new(),
            attempts: watch::Sender::new(Attempts::default()),
        })
    }

    /// How its keys are fetched and kept.
    #[must_use]
    pub(crate) fn settings(&self) -> &KeySettings {
        &self.settings
    }

    /// Begins with the keys of another source for the same location.
    pub(crate) fn take_keys_of(&self, other: &Self) {
        self.current.store(other.current());
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = other.status();
    }

    /// The issuer's configured name.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// The keys as they are now; `None` before the first successful fetch.
    #[must_use]
    pub(crate) fn current(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }

    /// What is known of the source.
    #[must_use]
    pub(crate) fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the end of the first attempt to fetch.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as the source.
        let _ = self.attempts.subscribe().wait_for(|attempts| attempts.finished > 0).await;
    }

    /// Asks for a fetch, because no key fits a token, and waits for it unless the budget is used up.
    pub(crate) async fn ask(&self) {
        let mut attempts = self.attempts.subscribe();
        let before = *attempts.borrow_and_update();
        self.wanted.store(true, Ordering::Release);
        self.wake.notify_one();
        if before.exhausted_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        // Discovery and keys are two exchanges. Whatever happens, a request doesn't wait longer than for both.
        let wait = attempts.wait_for(|now| now.finished > before.finished);
        let _ = tokio::time::timeout(self.settings.timeout * 2, wait).await;
    }
}
