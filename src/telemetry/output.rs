//! The outputs of lines, and writing to them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The pause before another write to a full non-blocking output.
const PAUSE: Duration = Duration::from_millis(10);

static STDOUT: Mutex<()> = Mutex::new(());
static STDERR: Mutex<()> = Mutex::new(());

/// The destination of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to. It is opened again when it may have been moved away.
    File(PathBuf),
}

/// An open output.
#[derive(Debug)]
pub(super) struct Writer {
    /// A standard stream's own descriptor: the standard library's buffer would hold lines back after a failure.
    file: File,
    path: Option<PathBuf>,
    /// Held while a standard stream is written to, so that the lines of two logs in it stay whole.
    shared: Option<&'static Mutex<()>>,
    /// Whether a write stopped within a line.
    torn: bool,
}

impl Writer {
    pub(super) fn open(output: Output) -> io::Result<Self> {
        let (file, path, shared) = match output {
            Output::Stdout => (io::stdout().as_fd().try_clone_to_owned()?.into(), None, Some(&STDOUT)),
            Output::Stderr => (io::stderr().as_fd().try_clone_to_owned()?.into(), None, Some(&STDERR)),
            Output::File(path) => (append_to(&path)?, Some(path), None),
        };
        Ok(Self { file, path, shared, torn: false })
    }

    /// Opens the file at its path again; the old one stays if that fails.
    pub(super) fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append_to(path) {
            Ok(file) => (self.file, self.torn) = (file, false),
            Err(error) => tracing::error!(path = %path.display(), %error, "a log file could not be reopened"),
        }
    }

    /// Writes all lines, or returns how many were written whole, and why it stopped.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let _whole = self.shared.map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner));
        if self.torn {
            write_all(&mut self.file, b"\n").map_err(|(_, error)| (0, error))?;
            self.torn = false;
        }
        write_all(&mut self.file, lines).map_err(|(written, error)| {
            let written = &lines[..written];
            self.torn = written.last().is_some_and(|last| *last != b'\n');
            (count(written), error)
        })
    }
}

/// The number of lines; an incomplete one doesn't count.
pub(super) fn count(lines: &[u8]) -> usize {
    lines.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).count()
}

/// Writes everything, or returns how many bytes were written.
fn write_all(file: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Another process that shares the standard stream may have made it non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

/// For the owner and the group only: the lines name people.
fn append_to(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}
