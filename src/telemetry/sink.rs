//! A sink of lines: a standard stream or a file, written by its own thread.
//!
//! A writer copies its line into a buffer and continues. A reader that doesn't read, a full disk or a drive that hangs
//! costs lines and never a request: only the log's own thread opens and writes. Lost lines are counted, and reported as
//! soon as lines go out again.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::log_thread::Shared;
use super::output::{Output, Writer};
use mfa_gateway_files::PATIENCE;

/// How many bytes may wait to be written.
const CAPACITY: usize = 8 << 20;

/// Accepts lines, and never waits.
#[derive(Clone, Debug)]
pub(crate) struct Sink(Arc<Handle>);

/// The writing side. Dropping it ends the thread, once everything is written.
#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Sink {
    /// Starts the output's thread, which opens it. An output that doesn't respond in time is opened later: its lines
    /// wait, and are lost when they are too many.
    ///
    /// # Errors
    ///
    /// If the file can't be opened, or the thread can't be started.
    pub(crate) fn open(name: &'static str, output: Output) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(name));
        let of_thread = Arc::clone(&shared);
        let (tell, opened) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || of_thread.run(Writer::new(output), &tell))?;
        match opened.recv_timeout(PATIENCE) {
            Ok(opened) => opened?,
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the log's thread has ended")),
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!(log = name, "a log's output does not respond; the drive may hang");
            }
        }
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
