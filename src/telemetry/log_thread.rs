//! The thread of a log: it alone opens the output and writes to it, and holds no lock then.

use std::io;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

use super::lost::{self, LinesLost};
use super::output::{Writer, count};

/// How long lines are gathered, so that one system call writes many.
const GATHER: Duration = Duration::from_millis(50);

/// The pause before another write to an output that failed.
const RETRY: Duration = Duration::from_secs(1);

/// How long the last lines of a log that is closed wait for a FIFO's reader.
const GRACE: Duration = Duration::from_secs(1);

/// What the writers of lines and the thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: &'static str,
    pub(super) state: Mutex<State>,
    /// There is work to do.
    pub(super) filled: Condvar,
    /// Everything is written.
    pub(super) drained: Condvar,
    pub(super) lost: Counter,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lines: Vec<u8>,
    /// Lines that didn't fit, or could not be written, since the last notice.
    pub(super) lost: u64,
    pub(super) writing: bool,
    pub(super) reopen: bool,
    pub(super) closed: bool,
}

impl Shared {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            lost: lost::counter(name),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the output, then writes incoming lines until the sink is closed.
    pub(super) fn run(&self, mut writer: Writer, tell: &SyncSender<io::Result<()>>) {
        let opened = writer.open();
        let failed = opened.as_ref().err().map(ToString::to_string);
        match (tell.send(opened), failed) {
            (_, None) => {}
            (Ok(()), Some(_)) => return,
            (Err(_), Some(error)) => tracing::error!(log = self.name, error, "a log's output could not be opened"),
        }
        let mut lines = Vec::new();
        let mut failing = false;
        while let Some(Taken { said, notice, reopen }) = self.take(&mut lines, failing) {
            if reopen {
                writer.reopen();
            }
            let began = Instant::now();
            let ends = || {
                let state = self.lock();
                state.reopen || state.closed && began.elapsed() >= GRACE
            };
            let written = writer.write(&lines, ends);
            let mut state = self.lock();
            state.writing = false;
            let mut failed_before = failing;
            failing = written.is_err();
            let mut trouble = None;
            if let Err(unwritten) = written {
                // What a full FIFO holds up goes to the file that is opened next.
                let kept = if state.reopen && unwritten.error.kind() == io::ErrorKind::WouldBlock {
                    (failing, failed_before) = (false, true);
                    lines.split_off(unwritten.rest.max(notice))
                } else {
                    Vec::new()
                };
                let all = count(&lines);
                // The notice about lost lines is not a line that a caller wrote.
                let notice = usize::from(notice > 0);
                let lost = (all.max(notice) - unwritten.whole.max(notice)) as u64;
                let unsaid = if unwritten.whole < notice { said } else { 0 };
                state.lost += lost + unsaid;
                state.lines.splice(0..0, kept);
                self.lost.inc_by(lost);
                trouble = Some(unwritten.error).filter(|_| !failed_before);
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

    /// Waits for something to do, and takes the lines; `None` once no more will come.
    fn take(&self, lines: &mut Vec<u8>, failing: bool) -> Option<Taken> {
        let mut state = self.lock();
        while state.lines.is_empty() && !state.reopen && (state.lost == 0 || failing) {
            if state.closed {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // A file that was moved away is opened again without a pause.
        let pause = if failing { RETRY } else { GATHER };
        if !state.closed && !state.reopen {
            let woken = |state: &mut State| !(state.reopen || state.closed);
            let waited = self.filled.wait_timeout_while(state, pause, woken);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let reopen = std::mem::take(&mut state.reopen);
        let said = std::mem::take(&mut state.lost);
        if said > 0 {
            let notice = LinesLost { event: "lines_lost".to_owned(), log: self.name.to_owned(), lines: said };
            // Writing a text and a number into memory doesn't fail.
            if serde_json::to_writer(&mut *lines, &notice).is_ok() {
                lines.push(b'\n');
            }
        }
        let notice = lines.len();
        if lines.is_empty() {
            std::mem::swap(lines, &mut state.lines);
        } else {
            lines.append(&mut state.lines);
        }
        state.writing = true;
        Some(Taken { said, notice, reopen })
    }
}

/// What there is to do besides the lines.
struct Taken {
    /// The number to report as lost.
    said: u64,
    /// The length of the notice about them, at the beginning of the lines.
    notice: usize,
    reopen: bool,
}
