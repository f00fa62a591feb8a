//! Keeps what this process grants alike with the store: a step on any replica counts here within a second.
//!
//! An exception is a relaxation, so that doubt ends it: without the store for too long, nothing granted helps any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::ExceptionSet;
use mfa_gateway_store::{Exception, StoreError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::keeper::Keeper;
use super::process::Exceptions;
use super::settings::ExceptionSettings;
use super::state::State;

/// How often the store is asked, where nothing tells of a change.
const POLL: Duration = Duration::from_millis(500);

/// How long the start waits for the store. Until it is read, nothing is granted.
const MAX_WAIT: Duration = Duration::from_secs(5);

const DAY: i64 = 86_400_000;

/// How long before its end an exception is warned of, in milliseconds, with the word for it.
const WARNINGS: [(i64, &str); 2] = [(7 * DAY, "7d"), (DAY, "1d")];

/// Reads what is granted, and keeps it alike until it is stopped.
pub(crate) async fn keep(exceptions: &Arc<Exceptions>, stop: CancellationToken) {
    if !matches!(timeout(MAX_WAIT, exceptions.sync()).await, Ok(Ok(()))) {
        tracing::warn!("the store of exceptions can't be reached; until it can, granted exceptions waive nothing");
    }
    let exceptions = Arc::clone(exceptions);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = timeout(POLL, exceptions.store.exceptions_woken()) => {}
            }
            // What fails is noted there.
            let _ = exceptions.sync().await;
        }
    });
}

impl Exceptions {
    /// Reads what has changed, and takes it into use.
    pub(super) async fn sync(&self) -> Result<(), StoreError> {
        let mut keeper = self.keeper.lock().await;
        let began = Instant::now();
        let read = self.store.register(keeper.mark).await;
        let result = match read {
            Ok(register) => {
                self.metrics.read_at.set(self.clock.now().as_secs());
                keeper.take(register, began);
                Ok(())
            }
            Err(error) => {
                if !std::mem::replace(&mut keeper.is_failing, true) {
                    tracing::warn!(error = chain(&error), "the store of exceptions can't be reached");
                }
                Err(error)
            }
        };
        self.publish(&mut keeper);
        result
    }

    fn publish(&self, keeper: &mut Keeper) {
        let (settings, now) = (self.settings.load_full(), self.clock.now());
        let silence = keeper.heard.map(|heard| heard.elapsed());
        let left = settings.as_ref().zip(silence).and_then(|(settings, silence)| settings.outage.checked_sub(silence));
        let (Some(settings), Some(left)) = (&settings, left) else {
            self.granted.replace(ExceptionSet::default(), now);
            let is_cut_off = settings.is_some() && keeper.heard.is_some();
            if is_cut_off && !keeper.is_suspended {
                tracing::warn!("the store was not read for too long: granted exceptions waive nothing until it is");
            }
            (keeper.is_suspended, keeper.next) = (settings.is_some(), i64::MIN);
            self.metrics.suspended.set(i64::from(keeper.is_suspended));
            return;
        };
        if std::mem::take(&mut keeper.is_suspended) {
            self.metrics.suspended.set(0);
        }
        let (at, until) = (keeper.now(), now.plus(left));
        if at < keeper.next {
            self.granted.confirm(until);
        } else {
            self.granted.replace(keeper.granted(at), until);
        }
        self.tell(keeper, settings, at);
    }

    /// Measures, and warns of each answer that is late and each end that is near, once.
    fn tell(&self, keeper: &mut Keeper, settings: &ExceptionSettings, at: i64) {
        let (mut open, mut ending, mut overdue, mut next_due) = ([0_usize; 3], [0_usize; 2], 0, i64::MAX);
        let mut told = HashMap::with_capacity(keeper.told.len());
        for row in &keeper.rows {
            let state = State::of(row, at);
            let mut warned = keeper.told.get(&row.asked.id).copied().unwrap_or_default();
            match state {
                State::Requested => {
                    open[0] += 1;
                    let due = settings.calendar.due(Timestamp::from_millis(row.requested));
                    next_due = next_due.min(due.as_secs());
                    if due.as_millis() <= at {
                        overdue += 1;
                        warned = warn_of_delay(row, due, warned);
                    }
                }
                State::Approved => open[1] += 1,
                State::Active => {
                    open[2] += 1;
                    for (place, (before, within)) in WARNINGS.into_iter().enumerate() {
                        if row.asked.ends.saturating_sub(before) <= at {
                            ending[place] += 1;
                            warned = warn_of_end(row, within, place, warned);
                        }
                    }
                }
                _ => continue,
            }
            told.insert(row.asked.id.clone(), warned);
        }
        keeper.told = told;
        for (state, count) in [State::Requested, State::Approved, State::Active].into_iter().zip(open) {
            self.metrics.open(state.name(), count);
        }
        for ((_, within), count) in WARNINGS.into_iter().zip(ending) {
            self.metrics.ending(within, count);
        }
        self.metrics.overdue.set(overdue);
        self.metrics.next_due.set(if next_due == i64::MAX { 0 } else { next_due });
    }
}

/// What `told` has for a late answer: no warning of an end is that high.
const LATE: usize = 10;

fn warn_of_delay(row: &Exception, due: Timestamp, warned: usize) -> usize {
    if warned < LATE {
        let (id, owner) = (&row.asked.id, &row.asked.owner);
        tracing::warn!(exception = id, owner, %due, "the answer to a request for an exception is late");
    }
    LATE
}

fn warn_of_end(row: &Exception, within: &str, place: usize, warned: usize) -> usize {
    let warned = if warned == LATE { 0 } else { warned };
    if warned <= place {
        let (id, owner, ends) = (&row.asked.id, &row.asked.owner, Timestamp::from_millis(row.asked.ends));
        tracing::warn!(exception = id, owner, %ends, within, "a granted exception ends soon");
    }
    warned.max(place + 1)
}
