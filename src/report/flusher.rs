//! Adds what was counted to the store, once.
//!
//! A flush that fails is repeated, the same and under the same number, while new counts gather: the store never adds a number
//! twice. What can't be flushed is bounded: the counter tells so many decisions apart and keeps so many requests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_store::{MOST_RECENT, Retention, Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Batches};
use super::counter::Counter;
use super::day::Day;
use super::metrics::ReportMetrics;
use super::settings::ReportSettings;

/// How often counts are flushed: as much as a process that is killed forgets.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often what is past its time is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// How many times in a row at most.
const MOST_FORGETS: usize = 1000;

/// Adds what a counter counts to a store.
#[derive(Debug)]
pub(crate) struct Flusher {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) settings: ReportSettings,
    counter: Arc<Counter>,
    metrics: ReportMetrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    batches: Batches,
    /// What is being flushed, or could not be.
    pending: VecDeque<Batch>,
}

impl Flusher {
    /// One for this store.
    pub(crate) fn new(
        store: Store,
        settings: ReportSettings,
        clock: Clock,
        random: &Random,
        metrics: ReportMetrics,
    ) -> Self {
        metrics.show();
        let counter = Arc::new(Counter::new(metrics.nameless.clone()));
        let batches = Batches::new(random.uuid(), settings.names);
        let state = Mutex::new(State { batches, pending: VecDeque::new() });
        Self { store, clock, settings, counter, metrics, state }
    }

    /// What counts for it.
    pub(crate) fn counter(&self) -> &Arc<Counter> {
        &self.counter
    }

    /// Adds all that was counted so far.
    ///
    /// # Errors
    ///
    /// If the store doesn't take it. It is tried again with the next flush.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        let result = self.flush_all(&mut state).await;
        let pending: u64 = state.pending.iter().map(|batch| batch.decisions).sum();
        let left = pending.saturating_add(self.counter.len());
        match &result {
            Ok(()) => _ = self.metrics.flushed_at.set(self.clock.now().as_secs()),
            Err(_) => _ = self.metrics.failures.inc(),
        }
        self.metrics.unflushed.set(i64::try_from(left).unwrap_or(i64::MAX));
        result
    }

    async fn flush_all(&self, state: &mut State) -> Result<(), StoreError> {
        self.flush_pending(state).await?;
        if state.batches.lack_key() {
            state.batches.take_key(&self.store.epoch().await?);
        }
        let drained = self.counter.drain();
        for cell in &drained.cells {
            self.metrics.counted(cell.portal, cell.outcome, cell.count);
        }
        state.pending = state.batches.make(drained);
        self.flush_pending(state).await
    }

    async fn flush_pending(&self, state: &mut State) -> Result<(), StoreError> {
        // A batch stays until the store says that it has it: this may be given up at any time.
        while let Some(batch) = state.pending.front() {
            self.store.flush(&batch.flush(&state.batches.replica)).await?;
            state.pending.pop_front();
        }
        Ok(())
    }

    /// Flushes from time to time until it is stopped. What was counted up to then is flushed by [`Self::finish`].
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (mut forgot, mut failing) = (None::<Instant>, false);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            match self.flush().await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the store takes the report's counts again");
                }
                Ok(()) => {}
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(error = chain(&error), "the report's counts can't be stored; they gather here");
                    }
                }
            }
            if !failing && forgot.is_none_or(|at| at.elapsed() >= FORGET) {
                forgot = Some(Instant::now());
                if let Err(error) = self.forget().await {
                    tracing::warn!(error = chain(&error), "what the report forgets could not be deleted");
                }
            }
        }
    }

    /// The last flush.
    pub(crate) async fn finish(&self, deadline: Duration) {
        match timeout(deadline, self.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "the report's last counts could not be stored"),
            Err(_) => tracing::warn!("the report's last counts could not be stored in time"),
        }
    }

    /// Deletes what is past its time.
    async fn forget(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let retention = Retention {
            tallies_before_day: self.earliest(self.settings.days).number(),
            users_before_day: self.earliest(self.settings.users).number(),
            recent_before_ms: now.minus(self.settings.requests).as_millis(),
            recent_most: MOST_RECENT,
        };
        for _ in 0..MOST_FORGETS {
            if !self.store.forget(&retention).await?.more {
                break;
            }
        }
        Ok(())
    }

    /// The first day that is known, of what is kept for so long.
    pub(super) fn earliest(&self, kept: Duration) -> Day {
        Day::of(self.clock.now().minus(kept))
    }
}
