//! Keeps what this process refuses alike with the store: what one replica was told counts on all within a second.
//!
//! A revocation is a restriction, so that doubt refuses: without the store for too long, others may know of more.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mfa_gateway_core::chain;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::{Revocation, Revocations};
use mfa_gateway_core::token::SubjectKey;
use mfa_gateway_store::{Once, RevocationsSeen, RevokedSubject, Store, StoreError};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::metrics::EventMetrics;

/// How often the store is asked, where nothing tells of a change.
const POLL: Duration = Duration::from_millis(500);

/// How long the start waits for the store. Until it is read, tokens that may be revoked get 503.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How often those whose time is over are forgotten here, and removed from the store.
const SWEEP: Duration = Duration::from_secs(60);

/// How often everything is read again: another server may have taken over, whose clock is behind.
const ALL: Duration = Duration::from_secs(600);

/// What a process knows of revocations.
#[derive(Debug)]
pub(crate) struct Revoked {
    revocations: Revocations,
    store: Store,
    clock: Clock,
    outage: ArcSwap<Duration>,
    pub(super) metrics: EventMetrics,
}

impl Revoked {
    /// Nothing is known before [`Revoked::keep`].
    pub(crate) fn new(store: Store, clock: Clock, outage: Duration, metrics: EventMetrics) -> Self {
        let revocations = Revocations::default();
        revocations.believe(Timestamp::from_secs(0));
        Self { revocations, store, clock, outage: ArcSwap::from_pointee(outage), metrics }
    }

    /// What decisions look into.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// How long the store may be silent from now on.
    pub(crate) fn change(&self, outage: Duration) {
        self.outage.store(Arc::new(outage));
    }

    /// Reads what is revoked, and keeps it alike until it is stopped.
    pub(crate) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = RevocationsSeen::default();
        if !matches!(timeout(MAX_WAIT, self.read(&mut seen)).await, Ok(Ok(()))) {
            tracing::warn!(
                "the store of revocations can't be reached; tokens that may be revoked get 503 until it can"
            );
        }
        tokio::spawn(self.follow(seen, stop));
    }

    async fn follow(self: Arc<Self>, mut seen: RevocationsSeen, stop: CancellationToken) {
        let (mut swept, mut began, mut failing) = (Instant::now(), Instant::now(), false);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = timeout(POLL, self.store.revocations_woken()) => {}
            }
            if began.elapsed() >= ALL {
                (seen, began) = (RevocationsSeen::default(), Instant::now());
            }
            match self.read(&mut seen).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the store of revocations can be reached again");
                }
                Ok(()) => {}
                Err(error) => {
                    self.metrics.failures.inc();
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(error = chain(&error), "the store of revocations can't be reached");
                    }
                }
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.revocations.sweep(self.clock.now());
                if let Err(error) = self.store.purge(self.clock.now().as_secs()).await {
                    tracing::debug!(error = chain(&error), "old revocations could not be removed");
                }
            }
            self.metrics.revoked.set(i64::try_from(self.revocations.len()).unwrap_or(i64::MAX));
        }
    }

    async fn read(&self, seen: &mut RevocationsSeen) -> Result<(), StoreError> {
        let began = self.clock.now();
        loop {
            let (some, more) = self.store.revocations(seen).await?;
            self.revocations.add(some.iter().filter_map(revocation));
            if !more {
                break;
            }
        }
        self.revocations.believe(began.plus(**self.outage.load()));
        self.metrics.read_at.set(began.as_secs());
        Ok(())
    }

    /// Revokes, here at once and on every replica within a second. Returns whether what told of it came for the first time.
    pub(super) async fn revoke(&self, told_by: Once<'_>, all: &[Revocation]) -> Result<bool, StoreError> {
        let rows: Vec<_> = all.iter().map(row).collect();
        let is_first = self.store.revoke(told_by, &rows).await?;
        if is_first {
            self.revocations.add(all.iter().copied());
        }
        Ok(is_first)
    }

    /// Whether what counts once has come before.
    pub(super) async fn was_told(&self, kind: &str, key: &str) -> Result<bool, StoreError> {
        self.store.was_used(kind, key).await
    }
}

fn row(one: &Revocation) -> RevokedSubject {
    let Revocation { subject, issued, signed_in, until } = *one;
    RevokedSubject { subject: subject.text(), issued, signed_in, until: until.div_euclid(1000).saturating_add(1) }
}

fn revocation(row: &RevokedSubject) -> Option<Revocation> {
    let RevokedSubject { subject, issued, signed_in, until } = row;
    let subject = SubjectKey::parse(subject)?;
    Some(Revocation { subject, issued: *issued, signed_in: *signed_in, until: until.saturating_mul(1000) })
}
