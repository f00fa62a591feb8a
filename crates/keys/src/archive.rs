//! Where a source's last good keys are kept on disk, so that a restart while the issuer is down still serves.
//!
//! A disk that hangs keeps one thread, however many sources there are, and none that fetches or serves.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use prometheus_client::metrics::counter::Counter;

use super::stored::{Record, Restored, StoredError};
use crate::settings::{KeyLocation, KeySettings};
use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::random::Random;
use mfa_gateway_files::{PATIENCE, PrivateDirectory, TrustError, within};

/// Writes for all sources. None if there could be no thread.
static WRITER: OnceLock<Option<Sender<Arc<Archive>>>> = OnceLock::new();

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
            // They are on the disk already, or in the program.
            KeyLocation::File(_) | KeyLocation::Given => return None,
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
        let (directory, name) = (self.directory.clone(), self.name.clone());
        let read = move || match PrivateDirectory::open(&directory) {
            Ok(Some(directory)) => Record::read(&directory, &name),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let record = within(&self.directory, PATIENCE, move || Ok(read()))??;
        record.map(|record| record.accept(&self.source, now, max_stale)).transpose()
    }

    /// Has a key set written soon, by the thread that writes for all sources.
    pub(super) fn save(self: &Arc<Self>, document: &str, fetched: Timestamp) {
        let mut queue = self.queue();
        queue.next = Some(Record::new(self.source.clone(), fetched, document.to_owned()));
        if !std::mem::replace(&mut queue.busy, true) {
            let sent = writer().is_some_and(|writer| writer.send(Arc::clone(self)).is_ok());
            queue.busy = sent;
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

    fn write_all(self: &Arc<Self>) {
        while let Some(record) = self.next() {
            let archive = Arc::clone(self);
            let result = within(&self.directory, PATIENCE, move || archive.write(&record));
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

    fn write(&self, record: &Record) -> io::Result<()> {
        let directory = PrivateDirectory::create(&self.directory).map_err(io::Error::other)?;
        record.write(&directory, &self.name, &format!("{}.{}.tmp", self.name, self.random.uuid()))
    }
}

fn writer() -> Option<&'static Sender<Arc<Archive>>> {
    let start = || {
        let (sender, archives) = mpsc::channel::<Arc<Archive>>();
        let write = move || archives.iter().for_each(|archive| archive.write_all());
        let started = std::thread::Builder::new().name("keys-write".to_owned()).spawn(write);
        let started = started.inspect_err(|error| tracing::error!(%error, "no thread for storing keys"));
        started.ok().map(|_| sender)
    };
    WRITER.get_or_init(start).as_ref()
}

/// Removes the temporary files that a process left when it was killed, and returns how many there were. For the start of
/// a process: others that share the directory would lose what they are writing.
///
/// # Errors
///
/// If the directory can't be read, or other users can write it: then no stored keys are used.
pub fn sweep(directory: &Path) -> Result<usize, TrustError> {
    let failed = |error| TrustError::Io { path: directory.display().to_string(), error };
    let is_left_over =
        |name: &str| name.strip_suffix(".tmp").is_some_and(|name| name.starts_with("keys-") && name.contains(".json."));
    let path = directory.to_owned();
    let sweep = move || match PrivateDirectory::open(&path) {
        Ok(Some(private)) => {
            Ok(private.sweep(is_left_over).map_err(|error| TrustError::Io { path: path.display().to_string(), error }))
        }
        Ok(None) => Ok(Ok(0)),
        Err(error) => Ok(Err(error)),
    };
    within(directory, PATIENCE, sweep).map_err(failed)?
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::source::tests::settings;
    use super::super::stored::tests::document;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn archive(directory: &Path, name: &str) -> Arc<Archive> {
        let settings = KeySettings { state_directory: Some(directory.to_owned()), ..settings(name) };
        Arc::new(Archive::of(&settings, Random::seeded(1), Counter::default()).unwrap())
    }

    fn record(archive: &Archive) -> Record {
        Record::new(archive.source.clone(), NOW, document())
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
