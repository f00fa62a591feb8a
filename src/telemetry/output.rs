//! The outputs of lines, and writing to them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mfa_gateway_files::{append_to, is_waiting_for_reader};

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

/// An output that lines are written to.
#[derive(Debug)]
pub(super) struct Writer {
    output: Output,
    /// A standard stream's own descriptor: the standard library's buffer would hold lines back after a failure. None
    /// until a file could be opened.
    file: Option<File>,
    /// Whether a write stopped within a line.
    torn: bool,
}

/// Why not all lines were written, and which.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// How many lines were written whole.
    pub(super) whole: usize,
    /// Where the first line begins of which nothing was written.
    pub(super) rest: usize,
    pub(super) error: io::Error,
}

impl Writer {
    /// A writer that opens its output later.
    pub(super) fn new(output: Output) -> Self {
        Self { output, file: None, torn: false }
    }

    /// Opens the output. A drive that hangs makes this wait; a FIFO without a reader is opened with a later write.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let opened = match &self.output {
            Output::Stdout => io::stdout().as_fd().try_clone_to_owned().map(File::from),
            Output::Stderr => io::stderr().as_fd().try_clone_to_owned().map(File::from),
            Output::File(path) => append_to(path),
        };
        match (opened, &self.output) {
            (Ok(file), _) => (self.file, self.torn) = (Some(file), false),
            (Err(error), Output::File(path)) if is_waiting_for_reader(path, &error) => {
                tracing::warn!(path = %path.display(), "a log is a FIFO that nobody reads; lines are lost until one does");
            }
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }

    /// Opens the file at its path again; the old one stays if that fails.
    pub(super) fn reopen(&mut self) {
        let Output::File(path) = &self.output else { return };
        match append_to(path) {
            Ok(file) => (self.file, self.torn) = (Some(file), false),
            Err(error) => tracing::error!(path = %path.display(), %error, "a log file could not be reopened"),
        }
    }

    /// Writes all lines, or returns which were not written, and why. A full FIFO is waited for until `ends` says no.
    pub(super) fn write(&mut self, lines: &[u8], ends: impl Fn() -> bool) -> Result<(), Unwritten> {
        let shared = match self.output {
            Output::Stdout => Some(&STDOUT),
            Output::Stderr => Some(&STDERR),
            Output::File(_) => None,
        };
        // Held while a standard stream is written to, so that the lines of two logs in it stay whole.
        let _whole = shared.map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner));
        let nothing = |error| Unwritten { whole: 0, rest: 0, error };
        let file = match (&mut self.file, &self.output) {
            (Some(file), _) => file,
            (file, Output::File(path)) => file.insert(append_to(path).map_err(nothing)?),
            (_, _) => return Err(nothing(io::ErrorKind::NotConnected.into())),
        };
        if self.torn {
            write_all(file, b"\n", &ends).map_err(|(_, error)| nothing(error))?;
            self.torn = false;
        }
        write_all(file, lines, &ends).map_err(|(written, error)| {
            let (written, left) = lines.split_at(written);
            self.torn = written.last().is_some_and(|last| *last != b'\n');
            let torn =
                if self.torn { left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |at| at + 1) } else { 0 };
            Unwritten { whole: count(written), rest: written.len() + torn, error }
        })
    }
}

/// The number of lines; an incomplete one doesn't count.
pub(super) fn count(lines: &[u8]) -> usize {
    lines.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).count()
}

/// Writes everything, or returns how many bytes were written.
fn write_all(file: &mut impl Write, bytes: &[u8], ends: impl Fn() -> bool) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A FIFO, or another process that shares the standard stream has made it non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ends() => std::thread::sleep(PAUSE),
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}
