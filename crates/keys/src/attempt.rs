//! One attempt to have the keys: discovery, the key set, and what changes by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::memory::{Digest, Held, Memory};
use super::source::{KeySource, Place};
use super::status::{Origin, Status};
use crate::discovery::{self, Discovered, DiscoveryError};
use crate::fetch::{FetchError, Fetched, Fetcher};
use crate::file::{FileError, KeyFile};
use crate::settings::KeyLocation;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{self, KeySet};

/// Why a refresh failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Discovery failed.
    #[error("discovery failed at {url}")]
    Discovery {
        /// Where the document was asked for.
        url: Url,
        /// What went wrong.
        source: DiscoveryError,
    },
    /// The key set could not be fetched.
    #[error("the key set could not be fetched from {url}")]
    Fetch {
        /// Where it was asked for.
        url: Url,
        /// What went wrong.
        source: FetchError,
    },
    /// The file could not be read.
    #[error("the key set could not be read from {path:?}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// What went wrong.
        source: FileError,
    },
    /// The key set has no usable key.
    #[error("the key set is not usable")]
    Unusable(#[from] token::KeySetError),
    /// Reading the key set ended in a panic or with the process.
    #[error("the key set could not be read")]
    Reading(#[from] tokio::task::JoinError),
}

/// A refresh succeeded.
#[derive(Debug)]
pub struct Refreshed {
    /// How long they are fresh, as the issuer says.
    pub(super) max_age: Option<Duration>,
    /// Why discovery failed, if the address it gave earlier was used instead.
    pub(super) detour: Option<DiscoveryError>,
}

impl KeySource {
    /// Fetches the keys once, and puts them in place of the old ones.
    ///
    /// # Errors
    ///
    /// If the refresh fails. The old keys stay in use.
    pub async fn refresh(&self) -> Result<Refreshed, KeyError> {
        let mut memory = self.memory.lock().await;
        match &self.place {
            Place::Network(fetcher) => self.fetch(fetcher, &mut memory).await,
            Place::File(file) => self.read(file, &mut memory).await,
            Place::Given => Ok(Refreshed { max_age: None, detour: None }),
        }
    }

    async fn read(&self, file: &KeyFile, memory: &mut Memory) -> Result<Refreshed, KeyError> {
        let failed = |source| KeyError::File { path: file.path().to_owned(), source };
        let document = file.read(self.settings.timeout).await.map_err(failed)?;
        self.take(memory, document, self.clock.now(), Origin::File).await?;
        Ok(Refreshed { max_age: None, detour: None })
    }

    async fn fetch(&self, fetcher: &Fetcher, memory: &mut Memory) -> Result<Refreshed, KeyError> {
        let (url, confirmed, detour) = self.locate(fetcher, memory).await?;
        let old = self.current();
        // The validators are those of the keys in use, or they mean nothing.
        let held = memory.held.as_ref().filter(|held| old.is_some() && held.url == url);
        // Without its text, a key set can't be stored.
        let held = held.filter(|held| self.archive.is_none() || held.document.is_some());
        let known = held.map(|held| held.validators.clone()).unwrap_or_default();
        let failed = |source| KeyError::Fetch { url: url.clone(), source };
        let max_age = match (fetcher.get_changed(&url, &known).await.map_err(failed)?, old) {
            (Fetched::New(document), _) => {
                self.take(memory, document.bytes.clone(), confirmed, Origin::Issuer).await?;
                let (document, validators, max_age) = (document.bytes, document.validators, document.max_age);
                if memory.document().map(str::as_bytes) != Some(&document[..]) {
                    memory.stored = None;
                }
                let document = self.archive.is_some().then_some(document);
                memory.held = Some(Held { url, document, validators, max_age });
                max_age
            }
            (Fetched::NotModified(max_age), Some(old)) => {
                self.publish(&old, confirmed, Origin::Issuer);
                // What the response doesn't say stays as it was (RFC 9111 section 3.2).
                max_age.or(memory.max_age())
            }
            // There are validators only if there are keys.
            (Fetched::NotModified(_), None) => return Err(failed(FetchError::Status(http::StatusCode::NOT_MODIFIED))),
        };
        Ok(Refreshed { max_age, detour })
    }

    /// Reads a key set and puts it in place of the old one. A large one takes a while, so requests on this thread don't
    /// wait for it; and of one that says the same as before nothing is read again.
    async fn take(
        &self,
        memory: &mut Memory,
        document: Bytes,
        confirmed: Timestamp,
        origin: Origin,
    ) -> Result<(), KeyError> {
        let (old, known) = (self.current(), memory.digest);
        let read = tokio::task::spawn_blocking(move || {
            let digest = Digest::of(&document);
            // A retired key never comes back, see `KeySet`.
            let same = |set: &Arc<KeySet>| known == Some(digest) && set.iter().all(|key| !key.is_retired());
            let same = old.clone().filter(same);
            same.map_or_else(|| KeySet::parse(&document, old.as_deref()).map(Arc::new), Ok).map(|keys| (keys, digest))
        });
        let (keys, digest) = read.await??;
        self.publish(&keys, confirmed, origin);
        memory.digest = Some(digest);
        Ok(())
    }

    /// Where the keys are, and since when that is known. If discovery fails, its earlier result still applies, as
    /// long as keys may: an outage of the metadata alone changes nothing.
    async fn locate(
        &self,
        fetcher: &Fetcher,
        memory: &mut Memory,
    ) -> Result<(Url, Timestamp, Option<DiscoveryError>), KeyError> {
        let (url, issuer) = match &self.settings.location {
            KeyLocation::Jwks(url) => return Ok((url.clone(), self.clock.now(), None)),
            KeyLocation::Discovery { url, issuer } => (url, issuer),
            // Its place is no fetcher's.
            KeyLocation::File(path) => {
                return Err(KeyError::File { path: path.clone(), source: FileError::Irregular });
            }
            KeyLocation::Given => {
                return Err(KeyError::File { path: PathBuf::new(), source: FileError::Irregular });
            }
        };
        match discovery::discover(fetcher, url, issuer).await {
            Ok(Discovered { jwks_uri: keys_at, metadata }) => {
                self.metadata.store(Some(Arc::new(metadata)));
                let now = self.clock.now();
                memory.keys_at = Some((keys_at.clone(), now));
                Ok((keys_at, now, None))
            }
            Err(source) => match &memory.keys_at {
                Some((keys_at, since)) if self.clock.now().since(*since) < self.settings.max_stale => {
                    Ok((keys_at.clone(), *since, Some(source)))
                }
                _ => Err(KeyError::Discovery { url: url.clone(), source }),
            },
        }
    }

    /// Puts keys in place of the old ones.
    pub(super) fn publish(&self, new: &Arc<KeySet>, fetched: Timestamp, origin: Origin) {
        let old = self.current.swap(Some(Arc::clone(new)));
        let (keys, skipped) = (new.iter().count(), new.skipped().count());
        let (mut before, mut removed) = (0, 0);
        // Cached verifications rest on keys; with a key that is gone they must end.
        for key in old.iter().flat_map(|set| set.iter()) {
            before += 1;
            if !new.holds(key) {
                key.retire();
                removed += 1;
            }
        }
        self.tell_keys(old.is_some(), (keys + removed).saturating_sub(before), removed, (keys, skipped), origin);
        let as_gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.keys.set(as_gauge(keys));
        self.metrics.skipped.set(as_gauge(skipped));
        self.metrics.fetched_at.set(fetched.as_secs());
        if origin == Origin::Issuer {
            self.metrics.fetched.inc();
        }
        let told = self.status_mut().skipped == *new.skipped();
        if skipped > 0 && !told {
            let reasons = new.skipped();
            tracing::info!(issuer = self.name(), keys, skipped, %reasons, "some entries of the key set are not used");
        }
        *self.status_mut() = Status {
            fetched: Some(fetched),
            origin: Some(origin),
            keys,
            skipped: new.skipped().clone(),
            had_keys: true,
            ..Status::default()
        };
    }

    /// Logs the first keys, and every change of them: a rotation is worth a line, a refresh that finds the same isn't.
    fn tell_keys(&self, known: bool, added: usize, removed: usize, (keys, skipped): (usize, usize), origin: Origin) {
        let (issuer, origin) = (self.name(), origin.name());
        if !known {
            tracing::info!(issuer, keys, skipped, origin, "keys loaded");
        } else if added + removed > 0 {
            tracing::info!(issuer, keys, skipped, origin, added, removed, "keys changed");
        } else {
            tracing::debug!(issuer, keys, skipped, origin, "keys refreshed");
        }
    }

    /// Lets go of the keys: they are too old to be trusted.
    pub(super) fn withdraw(&self) {
        self.metadata.store(None);
        let old = self.current.swap(None);
        for key in old.iter().flat_map(|set| set.iter()) {
            key.retire();
        }
        self.metrics.keys.set(0);
        let mut status = self.status_mut();
        status.keys = 0;
        status.origin = None;
    }
}
