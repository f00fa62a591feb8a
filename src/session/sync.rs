//! Keeps a process's table and the store alike: ends and refreshes of other replicas come in, uses and owed ends go out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mfa_gateway_core::chain;
use mfa_gateway_store::{Cursor, StoreError};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::id::SessionId;
use super::sessions::Sessions;

/// How often the store is asked for changes, where nothing tells of them.
const POLL: Duration = Duration::from_millis(500);

/// How often expired sessions are forgotten here.
const SWEEP: Duration = Duration::from_secs(20);

/// How often rows of expired sessions are removed.
const PURGE: Duration = Duration::from_secs(600);

/// How much time of use the store may not know of: a part of the shortest idle time, since other replicas go by it.
const MAX_UNTOLD: Duration = Duration::from_secs(60);

/// How many uses are stored at once.
const BATCH: usize = 500;

impl Sessions {
    /// Reads what changed in the store; at first, all that is in it.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub async fn catch_up(&self, cursor: &mut Cursor) -> Result<(), StoreError> {
        let began = self.clock.now();
        loop {
            let changes = self.store.changes(cursor).await?;
            for (id, at, expires) in &changes.seen {
                if let Some(id) = SessionId::parse(id) {
                    self.table.seen(id, at.saturating_mul(1000), expires.saturating_mul(1000), true);
                }
            }
            for (id, expires) in &changes.ended {
                if let Some(id) = SessionId::parse(id) {
                    self.table.end(id, expires.saturating_mul(1000));
                }
            }
            for (id, generation) in &changes.renewed {
                if let (Some(id), Ok(generation)) = (SessionId::parse(id), u32::try_from(*generation)) {
                    self.table.renew(id, generation);
                }
            }
            if !changes.more {
                break;
            }
        }
        self.synced.fetch_max(began.as_millis(), Ordering::AcqRel);
        Ok(())
    }

    /// Keeps both alike until it is stopped.
    pub async fn run(self: Arc<Self>, mut cursor: Cursor, stop: CancellationToken) {
        let (mut swept, mut purged, mut failing) = (Instant::now(), Instant::now(), false);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => {}
                _ = timeout(POLL, self.store.woken()) => {}
            }
            match self.exchange(&mut cursor).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the store of sessions can be reached again");
                }
                Ok(()) => {}
                Err(error) => {
                    self.metrics.store_failures.inc();
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(error = chain(&error), "the store of sessions can't be reached");
                    }
                }
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                let live = self.table.sweep(self.clock.now());
                self.metrics.live.set(i64::try_from(live).unwrap_or(i64::MAX));
            }
            if purged.elapsed() >= PURGE {
                purged = Instant::now();
                if let Err(error) = self.store.purge(self.clock.now().as_secs()).await {
                    tracing::debug!(error = chain(&error), "expired sessions could not be removed");
                }
            }
        }
        // The last uses, so that nobody's session goes idle by a restart.
        if timeout(Duration::from_secs(2), self.tell_uses(Duration::ZERO)).await.is_err() {
            tracing::debug!("the last uses of sessions could not be stored");
        }
    }

    async fn exchange(&self, cursor: &mut Cursor) -> Result<(), StoreError> {
        // What others ended counts here even while the store takes nothing, as with a full disk.
        self.catch_up(cursor).await?;
        self.pay_owed().await?;
        self.tell_uses((self.settings.shortest_idle / 8).min(MAX_UNTOLD)).await
    }

    /// Ends in the store what has ended here while it could not be reached.
    async fn pay_owed(&self) -> Result<(), StoreError> {
        loop {
            let next = self.owed.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
            let Some((whose, ended)) = next else { return Ok(()) };
            self.end_stored(&whose, &ended).await?;
            self.owed.lock().unwrap_or_else(PoisonError::into_inner).remove(0);
        }
    }

    async fn tell_uses(&self, after: Duration) -> Result<(), StoreError> {
        let uses = self.table.take_unstored(after);
        for batch in uses.chunks(BATCH) {
            let told: Vec<_> = batch.iter().map(|(id, at)| (id.to_string(), at / 1000)).collect();
            if let Err(error) = self.store.seen(&told).await {
                self.table.return_unstored(&uses);
                return Err(error);
            }
        }
        Ok(())
    }
}
