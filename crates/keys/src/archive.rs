//! Where a source's last good keys are kept on disk, so that a restart while the issuer is down still serves.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use prometheus_client::metrics::counter::Counter;
use url::Url;

use super::stored::{Record, Restored, StoredError};
use crate::settings::{KeyLocation, KeySettings};
use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::random::Random;

/// One source's file.
#[derive(Debug)]
pub(super) struct Archive {
    issuer: String,
    source: String,
    directory: PathBuf,
    name: String,
    random: Random,
    failed: Counter,
    queue: Mutex<Queue>,
}

/// The pending write. Only the newest record counts, and one thread at a time writes.
#[derive(Debug, Default)]
struct Queue {
    next: Option<Record>,
    busy: bool,
    /// Whether the last write failed: that is logged once.
    failing: bool,
}

impl Archive {
    /// The file for a source in its configured directory, if there is one.
    pub(super) fn of(settings: &KeySettings, random: Random, failed: Counter) -> Option<Self> {
        let directory = settings.state_directory.clone()?;
        let source = match &settings.location {
            KeyLocation::Jwks(url) => format!("key set {url}"),
            KeyLocation::Discovery { url, issuer } => format!("discovery {url} of {issuer}"),
        };
        // A digest has no separators, dots or letter cases that could lead elsewhere or to another source's file.
        let digest = digest(&SHA256, format!("{}\n{source}", settings.name).as_bytes());
        let hex = digest.as_ref().iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        Some(Self {
            issuer: settings.name.clone(),
            source,
            directory,
            name: format!("keys-{hex}.json"),
            random,
            failed,
            queue: Mutex::default(),
        })
    }

    /// Where the file is.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it must not be used.
    pub(super) fn restore(&self, now: Timestamp, max_stale: Duration) -> Result<Option<Restored>, StoredError> {
        let record = Record::read(&self.path())?;
        record.map(|record| record.accept(&self.source, now, max_stale)).transpose()
    }

    /// Has a key set written soon, by a thread that may block.
    pub(super) fn save(self: &Arc<Self>, document: &str, fetched: Timestamp, keys_at: Option<Url>) {
        let mut queue = self.queue();
        queue.next = Some(Record::new(self.source.clone(), fetched, keys_at, document.to_owned()));
        // A disk that hangs holds one thread, not one for each refresh.
        if !std::mem::replace(&mut queue.busy, true) {
            let archive = Arc::clone(self);
            tokio::task::spawn_blocking(move || archive.write_all());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Record> {
        let mut queue = self.queue();
        queue.busy = queue.next.is_some();
        queue.next.take()
    }

    fn write_all(&self) {
        while let Some(record) = self.next() {
            let result = self.write(&record);
            let failing = std::mem::replace(&mut self.queue().failing, result.is_err());
            match result {
                Ok(()) if failing => tracing::info!(issuer = self.issuer, "storing the keys succeeds again"),
                Ok(()) => {}
                Err(error) => {
                    self.failed.inc();
                    if !failing {
                        let (file, error) = (self.path(), chain(&error));
                        tracing::error!(issuer = self.issuer, file = %file.display(), error, "storing the keys failed");
                    }
                }
            }
        }
    }

    /// Writes the file beside its place and moves it there: a reader sees the whole old file or the whole new one,
    /// even after a power cut.
    fn write(&self, record: &Record) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let temporary = self.directory.join(format!("{}.{}.tmp", self.name, self.random.uuid()));
        let written = record.write(&temporary).and_then(|()| fs::rename(&temporary, self.path()));
        if written.is_err() {
            // What could not be written whole must not stay; if that fails too, the first error says more.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::super::source::tests::settings;
    use super::super::stored::tests::document;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn archive(directory: &Path, name: &str) -> Archive {
        let settings = KeySettings { state_directory: Some(directory.to_owned()), ..settings(name) };
        Archive::of(&settings, Random::seeded(1), Counter::default()).unwrap()
    }

    fn record(archive: &Archive) -> Record {
        Record::new(archive.source.clone(), NOW, None, document())
    }

    #[test]
    fn what_was_written_is_read_by_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("made/by/itself");
        let archive = self::archive(&inner, "idp");
        assert!(archive.restore(NOW, DAY).unwrap().is_none(), "at first there is nothing");
        archive.write(&record(&archive)).unwrap();
        archive.write(&record(&archive)).unwrap();
        let restored = self::archive(&inner, "idp").restore(NOW.plus(DAY / 2), DAY).unwrap().unwrap();
        assert_eq!((restored.fetched, restored.keys.iter().count()), (NOW, 1));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing but the file is left");
    }

    #[test]
    fn files_are_for_the_gateways_own_user_only() {
        let directory = tempfile::tempdir().unwrap();
        let archive = self::archive(&directory.path().join("state"), "idp");
        archive.write(&record(&archive)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&archive.path()), mode(&archive.directory)), (0o600, 0o700));
    }

    #[test]
    fn file_names_cannot_lead_elsewhere_and_sources_do_not_share_one() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["a", "b", "../../etc/passwd", "/etc/passwd", "a\nb"].map(|name| {
            let path = archive(directory.path(), name).path();
            assert_eq!(path.parent(), Some(directory.path()), "{name:?}");
            path
        });
        assert_eq!(std::collections::HashSet::from(names).len(), 5);
    }

    #[test]
    fn a_write_that_fails_is_counted_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(directory.path(), "idp");
        // A directory in its place can't be replaced by a file.
        fs::create_dir_all(archive.path().join("x")).unwrap();
        archive.queue().next = Some(record(&archive));
        archive.write_all();
        assert_eq!(archive.failed.get(), 1);
        assert!(archive.queue().failing && !archive.queue().busy);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "the temporary file is gone");
        fs::remove_dir_all(archive.path()).unwrap();
        archive.queue().next = Some(record(&archive));
        archive.write_all();
        assert!(!archive.queue().failing && archive.restore(NOW, DAY).unwrap().is_some());
    }
}
