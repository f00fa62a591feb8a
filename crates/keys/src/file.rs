//! A key set in a file of this machine (`jwks_file`).
//!
//! A person who can write it decides whose tokens are accepted. A file may hang: a FIFO, or a drive of a network that is down.
//! So it is read in a thread of its own, one at a time, and nobody waits for longer than the deadline.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mfa_gateway_core::token::{KeySet, KeySetError};
use mfa_gateway_files::within;
use tokio::sync::oneshot;

use crate::fetch::MAX_DOCUMENT;

/// Why a file isn't used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error("it could not be read")]
    Read(#[from] io::Error),
    /// It isn't a plain file.
    #[error("it is not a regular file")]
    Irregular,
    /// Any user could put keys into it.
    #[error("every user of this machine can write it")]
    Shared,
    /// It is too large.
    #[error("it is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// It took too long.
    #[error("reading it took longer than {0:?}")]
    Slow(Duration),
    /// An earlier attempt hangs.
    #[error("an earlier attempt to read it has not ended")]
    Hangs,
    /// It gives no keys.
    #[error("it is not a usable key set")]
    Unusable(#[from] KeySetError),
}

/// A file with a key set.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    busy: Arc<AtomicBool>,
}

impl KeyFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), busy: Arc::default() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, within the deadline.
    pub(crate) async fn read(&self, deadline: Duration) -> Result<Bytes, FileError> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(FileError::Hangs);
        }
        let (sender, receiver) = oneshot::channel();
        let (path, busy) = (self.path.clone(), Arc::clone(&self.busy));
        let started = std::thread::Builder::new().name("jwks_file".to_owned()).spawn(move || {
            let read = read(&path);
            busy.store(false, Ordering::Release);
            // Nobody may wait any more.
            let _ = sender.send(read);
        });
        if let Err(error) = started {
            self.busy.store(false, Ordering::Release);
            return Err(error.into());
        }
        let read = tokio::time::timeout(deadline, receiver).await;
        // The sender is dropped only by a panic.
        read.map_err(|_| FileError::Slow(deadline))?.unwrap_or(Err(FileError::Hangs))
    }
}

/// Checks that a file can be used now, within the deadline: for the configuration, before anything depends on it.
///
/// # Errors
///
/// If it can't.
pub fn check_file(path: &Path, deadline: Duration) -> Result<(), FileError> {
    let place = path.to_owned();
    let check = move || Ok(read(&place).and_then(|document| Ok(KeySet::parse(&document, None)?)));
    within(path, deadline, check)?.map(drop)
}

/// Reads a file. A link is followed: mounted volumes have them.
fn read(path: &Path) -> Result<Bytes, FileError> {
    let regular = |about: fs::Metadata| match about {
        about if !about.is_file() => Err(FileError::Irregular),
        about if about.permissions().mode() & 0o002 != 0 => Err(FileError::Shared),
        _ => Ok(()),
    };
    // Before it is opened: that alone waits at a FIFO.
    regular(fs::metadata(path)?)?;
    let file = File::open(path)?;
    regular(file.metadata()?)?;
    let mut document = Vec::new();
    file.take(MAX_DOCUMENT as u64 + 1).read_to_end(&mut document)?;
    if document.len() > MAX_DOCUMENT { Err(FileError::TooLarge) } else { Ok(document.into()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    const KEYS: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"o","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[tokio::test]
    async fn a_plain_file_is_read_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("keys.json"), folder.path().join("link"));
        fs::write(&path, KEYS).unwrap();
        symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            assert_eq!(KeyFile::new(path).read(DEADLINE).await.unwrap(), KEYS);
            assert!(check_file(path, DEADLINE).is_ok());
        }
        fs::write(&path, "{}").unwrap();
        assert!(matches!(check_file(&path, DEADLINE), Err(FileError::Unusable(_))));
    }

    #[tokio::test]
    async fn what_is_no_plain_file_or_belongs_to_everybody_is_not_read_and_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(place("fifo")).status().unwrap().success());
        symlink("/dev/zero", place("device")).unwrap();
        fs::write(place("open"), KEYS).unwrap();
        fs::set_permissions(place("open"), fs::Permissions::from_mode(0o646)).unwrap();
        fs::write(place("large"), vec![b' '; MAX_DOCUMENT + 1]).unwrap();
        let start = Instant::now();
        for name in ["fifo", "device", ".", "open", "absent", "large"] {
            assert!(KeyFile::new(&place(name)).read(DEADLINE).await.is_err(), "{name}");
            assert!(check_file(&place(name), DEADLINE).is_err(), "{name}");
        }
        assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn one_attempt_that_hangs_is_all_there_is() {
        let file = KeyFile::new(Path::new("/"));
        file.busy.store(true, Ordering::Release);
        assert!(matches!(file.read(DEADLINE).await, Err(FileError::Hangs)));
    }
}
