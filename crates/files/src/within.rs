//! A call that may never return, on a thread of its own.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a call on a file may take. A disk that is only slow needs less.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The paths with a call that has missed its deadline, and how many.
static HANGING: LazyLock<Mutex<HashMap<PathBuf, usize>>> = LazyLock::new(Mutex::default);

/// A call that has not returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Call {
    #[default]
    Running,
    /// Its caller has left.
    Abandoned,
    Returned,
}

/// Makes a call on the file at `path`, and waits for it at most this long.
///
/// # Errors
///
/// The call's own. `TimedOut`, if it doesn't return, or an earlier one on the path hasn't returned yet.
pub fn within<T: Send + 'static>(
    path: &Path,
    patience: Duration,
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if hanging().contains_key(path) {
        return Err(hangs("an earlier call on it has not returned; the drive may hang"));
    }
    let (send, returned) = mpsc::sync_channel(1);
    let state = std::sync::Arc::new(Mutex::new(Call::Running));
    let (of_thread, place) = (std::sync::Arc::clone(&state), path.to_owned());
    thread::Builder::new().name("file".to_owned()).spawn(move || {
        // The caller may have left.
        let _ = send.send(call());
        let mut hanging = hanging();
        let mut state = of_thread.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *state, Call::Returned) == Call::Abandoned {
            forget(&mut hanging, &place);
        }
    })?;
    match returned.recv_timeout(patience) {
        Ok(result) => result,
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the call on it panicked")),
        Err(RecvTimeoutError::Timeout) => {
            let mut hanging = hanging();
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if *state == Call::Running {
                *state = Call::Abandoned;
                *hanging.entry(path.to_owned()).or_default() += 1;
            }
            drop((state, hanging));
            // It may have returned in the last moment.
            returned.try_recv().unwrap_or_else(|_| {
                Err(hangs(&format!("it did not respond within {} seconds; the drive may hang", patience.as_secs_f32())))
            })
        }
    }
}

fn hanging() -> MutexGuard<'static, HashMap<PathBuf, usize>> {
    HANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget(hanging: &mut HashMap<PathBuf, usize>, path: &Path) {
    if let Some(count) = hanging.get_mut(path) {
        *count -= 1;
        if *count == 0 {
            hanging.remove(path);
        }
    }
}

fn hangs(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn a_call_that_never_returns_costs_one_thread_and_later_ones_fail_at_once() {
        let path = Path::new("/hung/file");
        let (release, wait) = mpsc::channel::<()>();
        let error = within(path, SHORT, move || {
            let _ = wait.recv();
            Ok(())
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let start = Instant::now();
        for _ in 0..100 {
            let error = within(path, PATIENCE, || -> io::Result<()> { panic!("nothing is called") }).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        assert!(start.elapsed() < PATIENCE);
        assert!(within(Path::new("/other/file"), PATIENCE, || Ok(1)).is_ok(), "other files are read");
        drop(release);
        let end = Instant::now() + PATIENCE;
        while within(path, PATIENCE, || Ok(())).is_err() {
            assert!(Instant::now() < end, "once it has returned, the path is good again");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_result_and_a_panic_come_back() {
        assert_eq!(within(Path::new("/a"), PATIENCE, || Ok(7)).unwrap(), 7);
        assert!(within(Path::new("/a"), PATIENCE, || -> io::Result<()> { panic!("on purpose") }).is_err());
        assert!(within(Path::new("/a"), PATIENCE, || Ok(())).is_ok());
    }
}
