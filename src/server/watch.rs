//! Watching over the time of a connection.
//!
//! A task of its own waits for what may end a connection: its timers, and the gateway's own end. The connection is
//! polled for every byte that moves, and looks at one flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use mfa_gateway_wire::Handle;

/// How long a client may take to acknowledge that a connection is to end.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// What ends a connection.
pub(super) struct Watch {
    /// How many requests came.
    pub(super) requests: Arc<AtomicU64>,
    /// When the first must have come.
    pub(super) first_by: Instant,
    /// How long none may come.
    pub(super) idle: Duration,
    /// When the connection has lived for long enough.
    pub(super) old: Option<Instant>,
    pub(super) ends: Ends,
    /// Tells whether a client that doesn't close the connection still uses it.
    pub(super) leaving: Option<Handle>,
}

/// How the gateway announces its end.
pub(super) struct Ends {
    /// Connections are asked to finish.
    pub(super) finishing: CancellationToken,
    /// Connections end.
    pub(super) stop: CancellationToken,
}

/// How a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// At once: nothing was asked on it in time, or the gateway ends.
    Drop,
    /// Requests in flight continue; without any, the connection ends soon.
    Finish,
}

impl Watch {
    /// Drives a connection to its end. It is dropped if its first request doesn't come in time, and asked to finish
    /// when the gateway finishes, no new request comes for the idle time, or it has lived for long enough.
    pub(super) async fn over<C>(self, mut connection: C, finish: impl Fn(&mut C)) -> Option<C::Output>
    where
        C: Future + Unpin,
    {
        let (tell, mut ending) = oneshot::channel();
        let (stop, leaving, requests) = (self.ends.stop.clone(), self.leaving.clone(), Arc::clone(&self.requests));
        let _watching = AbortOnDropHandle::new(tokio::spawn(async move { tell.send(self.ending().await) }));
        let ending = tokio::select! {
            biased;
            result = &mut connection => return Some(result),
            ending = &mut ending => ending,
        };
        if ending == Ok(Ending::Drop) {
            return None;
        }
        finish(&mut connection);
        loop {
            tokio::select! {
                result = &mut connection => return Some(result),
                () = stop.cancelled() => return None,
                () = sleep(FAREWELL) => {}
            }
            let unused = requests.load(Ordering::Relaxed) == 0;
            if unused || leaving.as_ref().is_some_and(|handle| !handle.is_in_use()) {
                return None;
            }
        }
    }

    async fn ending(self) -> Ending {
        tokio::select! {
            () = sleep_until(self.first_by) => {}
            // The first request may be on its way.
            () = self.ends.finishing.cancelled() => return Ending::Finish,
            () = self.ends.stop.cancelled() => return Ending::Drop,
            () = until(self.old) => return Ending::Finish,
        }
        if self.requests.load(Ordering::Relaxed) == 0 {
            return Ending::Drop;
        }
        loop {
            let before = self.requests.load(Ordering::Relaxed);
            tokio::select! {
                () = sleep(self.idle) => {}
                () = self.ends.finishing.cancelled() => return Ending::Finish,
                () = self.ends.stop.cancelled() => return Ending::Drop,
                () = until(self.old) => return Ending::Finish,
            }
            if self.requests.load(Ordering::Relaxed) == before {
                return Ending::Finish;
            }
        }
    }
}

/// Waits for a moment that may never come.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
