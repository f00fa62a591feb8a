//! The source of an issuer's keys, as requests see it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::archive::Archive;
use super::clients::Fetching;
use super::memory::Memory;
use super::status::{Origin, Status};
use crate::fetch::{FetchError, Fetcher};
use crate::file::KeyFile;
use crate::metadata::Metadata;
use crate::metrics::{IssuerMetrics, KeyMetrics};
use crate::settings::{KeyLocation, KeySettings};
use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::KeySet;

/// How long a request may wait for keys. With all else that it takes, it must be answered within a second, however slow
/// the issuer is; the fetch continues without it.
pub(super) const MAX_WAIT: Duration = Duration::from_millis(800);

/// The keys of an issuer, kept fresh by its task.
#[derive(Debug)]
pub struct KeySource {
    pub(super) settings: KeySettings,
    pub(super) place: Place,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) metrics: IssuerMetrics,
    pub(super) current: ArcSwapOption<KeySet>,
    pub(super) metadata: ArcSwapOption<Metadata>,
    pub(super) archive: Option<Arc<Archive>>,
    /// What attempts learn for the next one. Only attempts take it, so there is one at a time.
    pub(super) memory: tokio::sync::Mutex<Memory>,
    status: Mutex<Status>,
    /// Set by a token whose signature fails; the task takes it.
    pub(super) doubted: AtomicBool,
    /// Set by a token that no key fits; the task takes it.
    pub(super) wanted: AtomicBool,
    pub(super) wake: Notify,
    /// Places for requests that wait. Their number is bounded: see [`KeySettings::max_waiting`].
    pub(super) waiting: Semaphore,
    /// How far the task is, for those who wait.
    pub(super) attempts: watch::Sender<Attempts>,
}

/// How the keys are reached.
#[derive(Debug)]
pub(super) enum Place {
    Network(Fetcher),
    File(KeyFile),
    Given,
}

/// How far the task is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    /// The number of finished attempts.
    pub(super) finished: u64,
    /// Whether the last of them brought no keys.
    pub(super) failed: bool,
    /// When the budget allows the next attempt, if it is used up.
    pub(super) exhausted_until: Option<Instant>,
    /// Whether there will be no more.
    pub(super) ended: bool,
}

impl KeySource {
    /// A source with the keys that are on disk, if any; [`Self::run`] fetches newer ones.
    ///
    /// # Errors
    ///
    /// If the client for fetching can't be made.
    pub fn new(
        settings: KeySettings,
        clock: Clock,
        random: Random,
        metrics: IssuerMetrics,
        fetching: &Fetching,
    ) -> Result<Self, FetchError> {
        let place = match &settings.location {
            KeyLocation::File(path) => Place::File(KeyFile::new(path)),
            KeyLocation::Given => Place::Given,
            KeyLocation::Jwks(_) | KeyLocation::Discovery { .. } => {
                Place::Network(Fetcher::new(settings.timeout, settings.allow_http, &settings.authorities, fetching)?)
            }
        };
        let source = Self::at(place, settings, (clock, random, metrics));
        source.restore();
        Ok(source)
    }

    /// A source of these keys, which stay as they are. It has no task.
    #[must_use]
    pub fn given(name: &str, keys: KeySet, clock: Clock) -> Self {
        let settings = KeySettings {
            name: name.to_owned(),
            location: KeyLocation::Given,
            refresh_interval: Duration::MAX,
            max_stale: Duration::MAX,
            timeout: MAX_WAIT,
            allow_http: false,
            ca_file: None,
            authorities: Vec::new(),
            state_directory: None,
            max_waiting: 1,
        };
        let metrics = KeyMetrics::default().issuer(name);
        let source = Self::at(Place::Given, settings, (clock, Random::system(), metrics));
        let now = source.clock.now();
        source.publish(&Arc::new(keys), now, Origin::Given);
        // Nobody waits for others.
        source.attempts.send_modify(|attempts| (attempts.finished, attempts.ended) = (1, true));
        source
    }

    fn at(place: Place, settings: KeySettings, (clock, random, metrics): (Clock, Random, IssuerMetrics)) -> Self {
        let archive = Archive::of(&settings, random.clone(), metrics.store_failed.clone());
        Self {
            place,
            waiting: Semaphore::new(settings.max_waiting),
            settings,
            clock,
            random,
            metrics,
            current: ArcSwapOption::empty(),
            metadata: ArcSwapOption::empty(),
            archive: archive.map(Arc::new),
            memory: tokio::sync::Mutex::default(),
            status: Mutex::default(),
            doubted: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            wake: Notify::new(),
            attempts: watch::Sender::new(Attempts::default()),
        }
    }

    /// Begins with the keys on disk: after a crash during an outage they are all there is.
    fn restore(&self) {
        let Some(archive) = &self.archive else { return };
        let now = self.clock.now();
        let restored = match archive.restore(now, self.settings.max_stale) {
            Ok(Some(restored)) => restored,
            Ok(None) => return,
            Err(error) => {
                let (file, error) = (archive.path(), chain(&error));
                tracing::warn!(issuer = self.name(), file = %file.display(), error, "stored keys are not used");
                return;
            }
        };
        let age = now.since(restored.fetched);
        tracing::info!(issuer = self.name(), age = age.as_secs(), "stored keys are used until newer ones are fetched");
        self.publish(&Arc::new(restored.keys), restored.fetched, Origin::Disk);
    }

    /// How its keys are fetched and kept.
    #[must_use]
    pub fn settings(&self) -> &KeySettings {
        &self.settings
    }

    /// Begins with the keys of another source for the same location.
    pub fn take_keys_of(&self, other: &Self) {
        // Before the keys, so that what is remembered is of no older ones. An attempt of the other's may be under way; then
        // this one asks for everything anew.
        let memories = self.memory.try_lock().ok().zip(other.memory.try_lock().ok());
        let Some(keys) = other.current() else { return };
        self.current.store(Some(keys));
        self.metadata.store(other.metadata());
        *self.status_mut() = other.status();
        if let Some((mut memory, others)) = memories {
            memory.clone_from(&others);
        }
    }

    /// The issuer's configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The keys as they are now; `None` before there were any, and after they got too old.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        self.current.load_full()
    }

    /// What the discovery document said when it was last fetched; `None` before that, without discovery, and after the keys
    /// got too old.
    #[must_use]
    pub fn metadata(&self) -> Option<Arc<Metadata>> {
        self.metadata.load_full()
    }

    /// The same for a sign-in: what can't be signed in with is fetched again first, as far as the budget allows.
    pub async fn metadata_for_sign_in(&self) -> Option<Arc<Metadata>> {
        let found = self.metadata();
        let discovers = matches!(self.settings.location, KeyLocation::Discovery { .. });
        if !discovers || found.as_ref().is_some_and(|metadata| metadata.can_sign_in()) {
            return found;
        }
        self.ask().await;
        self.metadata()
    }

    /// The status of the source.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status_mut().clone()
    }

    pub(super) fn status_mut(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long ago the issuer last confirmed the keys.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.status_mut().fetched.map(|fetched| self.clock.now().since(fetched))
    }

    /// Waits until there are keys, or the first attempt to fetch them has ended.
    pub async fn settled(&self) {
        if self.current.load().is_none() {
            // The sender lives as long as the source.
            let _ = self.attempts.subscribe().wait_for(|attempts| attempts.finished > 0).await;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::Ordering;

    use url::Url;

    use super::*;
    use crate::metrics::KeyMetrics;
    use mfa_gateway_core::clock::Timestamp;

    pub(crate) fn settings(name: &str) -> KeySettings {
        KeySettings {
            name: name.to_owned(),
            location: KeyLocation::Jwks(Url::parse("http://127.0.0.1:9/keys").unwrap()),
            refresh_interval: Duration::from_secs(3600),
            max_stale: Duration::from_secs(86_400),
            timeout: Duration::from_secs(5),
            allow_http: false,
            ca_file: None,
            authorities: Vec::new(),
            state_directory: None,
            max_waiting: 2,
        }
    }

    pub(crate) fn source(settings: KeySettings) -> Arc<KeySource> {
        let (clock, metrics) =
            (Clock::manual(Timestamp::from_secs(1_790_000_000)), KeyMetrics::default().issuer("idp"));
        Arc::new(KeySource::new(settings, clock, Random::seeded(1), metrics, &Fetching::default()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_less_than_a_second_however_long_a_fetch_may_take() {
        let waited = async |timeout| {
            let source = source(KeySettings { timeout, ..settings("idp") });
            let start = Instant::now();
            source.ask().await;
            start.elapsed()
        };
        for timeout in [Duration::from_secs(5), Duration::from_secs(3600), Duration::MAX / 2] {
            assert_eq!(waited(timeout).await, Duration::from_millis(800));
        }
        assert_eq!(waited(Duration::from_millis(100)).await, Duration::from_millis(200), "two exchanges");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_requests_wait_than_may() {
        let source = source(settings("idp"));
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                tokio::spawn({
                    let source = Arc::clone(&source);
                    async move { source.ask().await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let start = Instant::now();
        source.ask().await;
        assert_eq!(start.elapsed(), Duration::ZERO, "the third is answered at once");
        for one in waiting {
            one.await.unwrap();
        }
        source.ask().await;
        assert_eq!(start.elapsed(), MAX_WAIT * 2, "and there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_while_the_budget_is_used_up_or_when_the_task_has_ended() {
        let source = source(settings("idp"));
        let start = Instant::now();
        source.attempts.send_modify(|now| now.exhausted_until = Some(start + Duration::from_secs(8)));
        source.ask().await;
        assert!(source.wanted.load(Ordering::Acquire), "the fetch follows");
        source.attempts.send_modify(|now| *now = Attempts { ended: true, ..Attempts::default() });
        source.ask().await;
        source.nudge();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
