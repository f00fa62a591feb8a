//! A sink of lines: a standard stream or a file, written by its own thread.
//!
//! A writer copies its line into a buffer and continues. A reader that doesn't read, or a full disk, costs lines and
//! never a request; lost lines are counted, and reported as soon as lines go out again.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::output::{Output, Writer, count};

/// How many bytes may wait to be written.
const CAPACITY: usize = 8 << 20;

/// How long lines are gathered, so that one system call writes many.
const GATHER: Duration = Duration::from_millis(50);

/// The pause before another write to an output that failed.
const RETRY: Duration = Duration::from_secs(1);

/// The lines that didn't reach their output. Logs belong to the process, so this does too.
static LOST: LazyLock<Family<LogLabels, Counter>> = LazyLock::new(Family::default);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LogLabels {
    log: &'static str,
}

/// Registers the metric of lost lines.
pub(crate) fn register(registry: &mut Registry) {
    let help = "Log lines lost because the queue was full or a write failed";
    registry.register("log_lines_lost", help, LOST.clone());
}

/// A notice in a log that lines are missing.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LinesLost {
    /// `lines_lost`.
    #[schemars(extend("const" = "lines_lost"))]
    pub(crate) event: String,
    /// The log: `diagnostics`, `decisions` or `access`.
    pub(crate) log: String,
    /// The number of lines lost since the last such notice.
    pub(crate) lines: u64,
}

/// Accepts lines, and never waits.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Handle>);

/// The writing side. Dropping it ends the thread, once everything is written.
#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: &'static str,
    state: Mutex<State>,
    /// There is work to do.
    filled: Condvar,
    /// Everything is written.
    drained: Condvar,
    lost: Counter,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Lines that didn't fit, or could not be written, since the last notice.
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
    /// If the file can't be opened, or the thread can't be started.
    pub(crate) fn open(name: &'static str, output: Output) -> io::Result<Self> {
        let writer = Writer::open(output)?;
        let lost = LOST.get_or_create_owned(&LogLabels { log: name });
        let shared =
            Arc::new(Shared { name, state: Mutex::default(), filled: Condvar::new(), drained: Condvar::new(), lost });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name(format!("log-{name}")).spawn(move || of_thread.run(writer))?;
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Accepts a line, including its line feed.
    pub(crate) fn write(&self, line: &[u8]) {
        let shared = &self.0.0;
        let mut state = shared.lock();
        if state.lines.len() + line.len() > CAPACITY {
            state.lost += 1;
            let first = state.lost == 1;
            drop(state);
            shared.lost.inc();
            if first && shared.name != "diagnostics" {
                tracing::error!(log = shared.name, "a log's output is too slow; lines are lost");
            }
            return;
        }
        let first = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if first {
            shared.filled.notify_one();
        }
    }

    /// Reopens a file before the next line is written.
    pub(crate) fn reopen(&self) {
        self.0.0.lock().reopen = true;
        self.0.0.filled.notify_one();
    }

    /// Waits until everything is written, up to a limit.
    pub(crate) fn flush(&self, patience: Duration) {
        let shared = &self.0.0;
        let end = Instant::now() + patience;
        let mut state = shared.lock();
        while !state.lines.is_empty() || state.writing {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return };
            state = shared.drained.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_one();
    }
}

/// For subscribers of the log: writes each event as one line.
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

    /// Writes incoming lines until the sink is closed.
    fn run(&self, mut writer: Writer) {
        let mut lines = Vec::new();
        let mut failing = false;
        while let Some(said) = self.take(&mut lines, &mut writer, failing) {
            let written = writer.write(&lines);
            let mut state = self.lock();
            state.writing = false;
            let failed_before = std::mem::replace(&mut failing, written.is_err());
            let mut trouble = None;
            if let Err((whole, error)) = written {
                let all = count(&lines);
                // The notice about lost lines is not a line that a caller wrote.
                let notice = usize::from(said > 0);
                let lost = (all.max(notice) - whole.max(notice)) as u64;
                let unsaid = if whole < notice { said } else { 0 };
                state.lost += lost + unsaid;
                self.lost.inc_by(lost);
                trouble = Some(error).filter(|_| !failed_before);
            }
            drop(state);
            self.drained.notify_all();
            lines.clear();
            // The log itself may be the failing output: only standard error is left.
            if let Some(error) = trouble.filter(|_| self.name != "diagnostics") {
                tracing::error!(log = self.name, %error, "a log could not be written; lines are lost");
            }
        }
    }

    /// Waits for lines and takes them, with the number to report as lost; `None` once no more will come.
    fn take(&self, lines: &mut Vec<u8>, writer: &mut Writer, failing: bool) -> Option<u64> {
        let mut state = self.lock();
        while state.lines.is_empty() && !state.reopen && (state.lost == 0 || failing) {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let pause = if failing { RETRY } else { GATHER };
        if !state.closed {
            drop(state);
            std::thread::sleep(pause);
            state = self.lock();
        }
        if std::mem::take(&mut state.reopen) {
            writer.reopen();
        }
        let said = std::mem::take(&mut state.lost);
        if said > 0 {
            let notice = LinesLost { event: "lines_lost".to_owned(), log: self.name.to_owned(), lines: said };
            // Writing a text and a number into memory doesn't fail.
            if serde_json::to_writer(&mut *lines, &notice).is_ok() {
                lines.push(b'\n');
            }
        }
        if lines.is_empty() {
            std::mem::swap(lines, &mut state.lines);
        } else {
            lines.append(&mut state.lines);
        }
        state.writing = true;
        Some(said)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sink(path: &Path) -> Sink {
        Sink::open("test", Output::File(path.to_owned())).unwrap()
    }

    const PATIENCE: Duration = Duration::from_secs(10);

    fn wait_until(done: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

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
        // The file exists before anything is written to it, for readers that wait for it.
        wait_until(|| path.exists());
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
        let lost = sink.0.0.lost.clone();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        // Faster than the writer writes, since it gathers first.
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
    #[test]
    fn a_full_disk_costs_lines_which_are_counted_once_and_keeps_nobody_from_ending() {
        let sink = Sink::open("full", Output::File("/dev/full".into())).unwrap();
        let shared = Arc::clone(&sink.0.0);
        for round in 1..=2 {
            sink.write(b"one\n");
            sink.write(b"two\n");
            sink.flush(PATIENCE);
            wait_until(|| shared.lost.get() == 2 * round);
            assert_eq!(shared.lock().lost, 2 * round, "what was said of lost lines was lost too, and is said again");
        }
        drop(sink);
        wait_until(|| Arc::strong_count(&shared) == 1);
    }

    #[test]
    fn the_last_of_many_writers_ends_the_thread() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let sink = sink(&folder.path().join("log"));
            let shared = Arc::downgrade(&sink.0.0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let sink = sink.clone();
                    scope.spawn(move || sink.write(b"line\n"));
                }
            });
            drop(sink);
            wait_until(|| shared.strong_count() == 0);
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap().lines().count(), 80);
    }
}
