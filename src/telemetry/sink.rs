//! A sink of lines: to a standard stream or a file, written by a thread of its own.
//!
//! Whoever writes a line copies it into a buffer and goes on. A reader that doesn't read, or a disk that is full, costs
//! lines and never a request; what is lost is counted, and said as soon as lines go out again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How many bytes may wait to be written.
const CAPACITY: usize = 8 << 20;

/// How long lines are gathered, so that many go out by one system call.
const GATHER: Duration = Duration::from_millis(50);

/// The lines that didn't get to their output. Logs are the process's, so this is too.
pub(super) static LOST: LazyLock<Family<LogLabels, Counter>> = LazyLock::new(Family::default);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct LogLabels {
    log: &'static str,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to. It is opened again when it may have been moved away.
    File(PathBuf),
}

/// Takes lines, and never waits.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: &'static str,
    state: Mutex<State>,
    /// Lines are there to be written.
    filled: Condvar,
    /// Everything was written.
    drained: Condvar,
    lost: Counter,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Lines that found no place, or could not be written, since this was last said.
    lost: u64,
    writing: bool,
    reopen: bool,
    closed: bool,
}

impl Sink {
    /// Opens the output, and starts its thread.
    ///
    /// # Errors
    ///
    /// If the file can't be opened, or there can be no thread.
    pub(crate) fn open(name: &'static str, output: Output) -> io::Result<Self> {
        let writer = Writer::open(output)?;
        let lost = LOST.get_or_create_owned(&LogLabels { log: name });
        let shared =
            Arc::new(Shared { name, state: Mutex::default(), filled: Condvar::new(), drained: Condvar::new(), lost });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name(format!("log-{name}")).spawn(move || of_thread.run(writer))?;
        Ok(Self(shared))
    }

    /// Takes a line, its line feed included.
    pub(crate) fn write(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.lines.len() + line.len() > CAPACITY {
            state.lost += 1;
            drop(state);
            self.0.lost.inc();
            return;
        }
        let first = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if first {
            self.0.filled.notify_one();
        }
    }

    /// Has a file opened again before the next line is written.
    pub(crate) fn reopen(&self) {
        self.0.lock().reopen = true;
    }

    /// Waits until everything was written, for a while.
    pub(crate) fn flush(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut state = self.0.lock();
        while !state.lines.is_empty() || state.writing {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return };
            state = self.0.drained.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Sink {
    /// The last one but the thread's ends the thread, once everything is written.
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) <= 2 {
            self.0.lock().closed = true;
            self.0.filled.notify_one();
        }
    }
}

/// For subscribers of the log: each event is written as one line.
impl Write for &Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Sink::write(self, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes, until the sink is closed.
    fn run(&self, mut writer: Writer) {
        let mut lines = Vec::new();
        while self.take(&mut lines, &mut writer) {
            let written = writer.write(&lines);
            let mut state = self.lock();
            state.writing = false;
            if let Err((rest, error)) = written {
                let lost = rest.split(|&byte| byte == b'\n').skip(1).count() as u64;
                // The log itself may be what can't be written to: standard error is all that is left.
                if state.lost == 0 && self.name != "diagnostics" {
                    tracing::error!(log = self.name, %error, lost, "a log can't be written");
                }
                state.lost += lost;
                self.lost.inc_by(lost);
            }
            self.drained.notify_all();
            drop(state);
            lines.clear();
        }
    }

    /// Waits for lines and takes them; `false` once there will be none.
    fn take(&self, lines: &mut Vec<u8>, writer: &mut Writer) -> bool {
        let mut state = self.lock();
        while state.lines.is_empty() && state.lost == 0 {
            if state.closed {
                return false;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.closed {
            drop(state);
            std::thread::sleep(GATHER);
            state = self.lock();
        }
        if std::mem::take(&mut state.reopen) {
            writer.reopen();
        }
        if state.lost > 0 {
            let _ = writeln!(lines, r#"{{"event":"lines_lost","log":"{}","lines":{}}}"#, self.name, state.lost);
            state.lost = 0;
        }
        lines.append(&mut state.lines);
        state.writing = true;
        true
    }
}

enum Writer {
    Stdout,
    Stderr,
    File(File, PathBuf),
}

impl Writer {
    fn open(output: Output) -> io::Result<Self> {
        Ok(match output {
            Output::Stdout => Self::Stdout,
            Output::Stderr => Self::Stderr,
            Output::File(path) => Self::File(append_to(&path)?, path),
        })
    }

    /// Opens the file at its path again; the old one stays if that fails.
    fn reopen(&mut self) {
        if let Self::File(file, path) = self {
            match append_to(path) {
                Ok(new) => *file = new,
                Err(error) => tracing::error!(path = %path.display(), %error, "a log file can't be opened again"),
            }
        }
    }

    /// Writes everything, or tells what is left.
    fn write<'l>(&mut self, lines: &'l [u8]) -> Result<(), (&'l [u8], io::Error)> {
        let mut rest = lines;
        while !rest.is_empty() {
            let written = match self {
                Self::Stdout => {
                    io::stdout().lock().write(rest).and_then(|written| io::stdout().flush().map(|()| written))
                }
                Self::Stderr => io::stderr().lock().write(rest),
                Self::File(file, _) => file.write(rest),
            };
            match written {
                Ok(0) => return Err((rest, io::ErrorKind::WriteZero.into())),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((rest, error)),
            }
        }
        Ok(())
    }
}

/// For the owner and the group alone: the lines name people.
fn append_to(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(path: &Path) -> Sink {
        Sink::open("test", Output::File(path.to_owned())).unwrap()
    }

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = sink(&path);
        for at in 0..1000 {
            sink.write(format!("line {at}\n").as_bytes());
        }
        sink.flush(PATIENCE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().enumerate().all(|(at, line)| line == format!("line {at}")));
        assert_eq!(text.lines().count(), 1000);
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_again_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
        let sink = sink(&path);
        sink.write(b"before\n");
        sink.flush(PATIENCE);
        std::fs::rename(&path, &old).unwrap();
        sink.reopen();
        sink.write(b"after\n");
        sink.flush(PATIENCE);
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "before\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
    }

    #[test]
    fn what_finds_no_place_is_counted_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink = sink(&path);
        let lost = sink.0.lost.clone();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // Faster than they are written, since the writer gathers first.
        let sent = 3 * CAPACITY / line.len();
        for _ in 0..sent {
            sink.write(&line);
        }
        sink.flush(PATIENCE);
        sink.write(b"last\n");
        sink.flush(PATIENCE);
        let text = std::fs::read_to_string(&path).unwrap();
        let arrived = text.lines().filter(|line| line.starts_with('x')).count();
        let said: u64 = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["lines"].as_u64())
            .sum();
        assert!(lost.get() > 0);
        assert_eq!((said, arrived as u64 + lost.get()), (lost.get(), sent as u64));
    }
}
