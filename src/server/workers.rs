//! The threads that serve.
//!
//! Each has a runtime of its own, and a connection stays on the thread it was given to: nothing of a request goes from
//! one core to another, or waits for a lock that another holds. Such a runtime also takes tasks in their order, so that
//! what came on many connections is read, forwarded and answered in batches; one that goes after each task at once
//! wakes the upstream and the clients for every request, which costs more than the request itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use mfa_gateway_wire::set_thread;

/// After how many tasks the runtime polls the kernel for events while tasks are ready. The events wait behind those
/// tasks all the same, and each poll is a system call.
const EVENT_INTERVAL: u32 = 128;

/// The threads that serve. The first is the one this is made on, which does the rest too, but for what takes a while.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    workers: Arc<[Worker]>,
    /// The runtime of the thread that fetches keys. A key server that never ends its response keeps this thread
    /// busy, and none that serves.
    fetching: Option<Handle>,
    /// The runtime of the thread that serves operators: the metrics of many routes take a while to write.
    operating: Option<Handle>,
    /// Ends the other threads with the last of these.
    _end: Arc<DropGuard>,
}

/// Why there are not as many threads as are wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkersError {
    /// There is no runtime for one.
    #[error("a runtime could not be started")]
    Runtime(#[source] io::Error),
    /// There is no thread.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// How many connections it serves.
    connections: AtomicUsize,
}

/// A connection's place on a thread.
#[derive(Debug)]
pub(super) struct Place {
    workers: Workers,
    at: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.workers.workers[self.at].connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// This thread alone.
    pub(crate) fn here() -> Self {
        Self::of(vec![Worker::new(Handle::current())], None, None, CancellationToken::new())
    }

    /// The runtime of a thread that serves.
    pub(crate) fn runtime() -> Builder {
        let mut runtime = Builder::new_current_thread();
        runtime.enable_all().event_interval(EVENT_INTERVAL);
        runtime
    }

    /// This thread and as many more as make `threads`, one that fetches keys, and one that serves operators.
    ///
    /// # Errors
    ///
    /// If the system doesn't give them.
    pub(crate) fn start(threads: usize) -> Result<Self, WorkersError> {
        let end = CancellationToken::new();
        let mut workers = vec![Worker::new(Handle::current())];
        for number in 1..threads {
            workers.push(Worker::new(spawn(format!("serve-{number}"), number, &end)?));
        }
        let fetching = spawn("fetch".to_owned(), threads, &end)?;
        let operating = spawn("admin".to_owned(), threads + 1, &end)?;
        Ok(Self::of(workers, Some(fetching), Some(operating), end))
    }

    fn of(workers: Vec<Worker>, fetching: Option<Handle>, operating: Option<Handle>, end: CancellationToken) -> Self {
        Self { workers: workers.into(), fetching, operating, _end: Arc::new(end.drop_guard()) }
    }

    /// Where keys are fetched, if not on this thread.
    pub(crate) fn fetching(&self) -> Option<Handle> {
        self.fetching.clone()
    }

    /// Where operators are served, if not on this thread.
    pub(crate) fn operating(&self) -> Option<Handle> {
        self.operating.clone()
    }

    /// A place on the thread with the fewest connections.
    pub(super) fn place(&self) -> Place {
        let load = |worker: &Worker| worker.connections.load(Ordering::Relaxed);
        let least = self.workers.iter().enumerate().min_by_key(|(_, worker)| load(worker));
        let at = least.map_or(0, |(at, _)| at);
        self.workers[at].connections.fetch_add(1, Ordering::Relaxed);
        Place { workers: self.clone(), at }
    }
}

/// Starts a thread with a runtime of its own, which ends with `end`.
fn spawn(name: String, number: usize, end: &CancellationToken) -> Result<Handle, WorkersError> {
    let runtime = Workers::runtime().build().map_err(WorkersError::Runtime)?;
    let (handle, end) = (runtime.handle().clone(), end.clone());
    let run = move || {
        set_thread(number);
        runtime.block_on(end.cancelled());
    };
    std::thread::Builder::new().name(name).spawn(run).map_err(WorkersError::Thread)?;
    Ok(handle)
}

impl Worker {
    fn new(runtime: Handle) -> Self {
        Self { runtime, connections: AtomicUsize::new(0) }
    }
}

impl Place {
    /// Whether it is on the thread that accepts.
    pub(super) fn is_here(&self) -> bool {
        self.at == 0
    }

    /// The thread's runtime.
    pub(super) fn runtime(&self) -> &Handle {
        &self.workers.workers[self.at].runtime
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_gateway_wire::thread;

    #[tokio::test]
    async fn connections_are_spread_evenly_and_stay_where_they_are() {
        let workers = Workers::start(3).unwrap();
        let places: Vec<Place> = (0..6).map(|_| workers.place()).collect();
        let mut numbers = Vec::new();
        for place in &places {
            numbers.push(place.runtime().spawn(async { thread() }).await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 0, 1, 1, 2, 2]);
        let mut places = places;
        let freed = places.remove(3).at;
        assert_eq!(workers.place().at, freed, "the one that has least to do");
    }
}
