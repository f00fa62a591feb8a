//! Whether the gateway accepts traffic: one answer for `/readyz`, the metric and the log.
//!
//! Readiness is about having started: every issuer's keys have been loaded once. An issuer that goes down later must
//! not take the gateway out of service with it, unless it is the last one that had keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use mfa_gateway_keys::KeySource;

/// The key sources in use, as they are after each reload.
type Sources = Arc<ArcSwap<Vec<Arc<KeySource>>>>;

/// What readiness depends on.
#[derive(Debug)]
pub(crate) struct Readiness {
    sources: Sources,
    draining: CancellationToken,
    /// Whether every issuer's keys have been loaded once.
    started: AtomicBool,
}

/// Whether the gateway accepts traffic, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Ready,
    WaitingForKeys,
    Draining,
}

impl Phase {
    /// Its name in `/readyz`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::WaitingForKeys => "waiting for keys",
            Self::Draining => "draining",
        }
    }
}

impl Readiness {
    pub(crate) fn new(sources: Sources, draining: CancellationToken) -> Self {
        Self { sources, draining, started: AtomicBool::new(false) }
    }

    /// The phase now.
    pub(crate) fn phase(&self) -> Phase {
        let sources = self.sources.load();
        if sources.iter().all(|source| source.status().had_keys) {
            self.started.store(true, Ordering::Relaxed);
        }
        // An issuer that a reload adds doesn't take away what works already.
        let started = self.started.load(Ordering::Relaxed);
        let usable = sources.is_empty() || sources.iter().any(|source| source.current().is_some());
        if self.draining.is_cancelled() {
            Phase::Draining
        } else if started && usable {
            Phase::Ready
        } else {
            Phase::WaitingForKeys
        }
    }
}
