//! How often each endpoint was asked.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Discovery,
    Keys,
    Authorize,
    Token,
    Refresh,
    Pushed,
    EndSession,
}

/// How many requests arrived at each endpoint, answered or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The discovery document.
    pub discovery: u64,
    /// The key set.
    pub keys: u64,
    /// The authorization endpoint.
    pub authorize: u64,
    /// The token endpoint, refreshes included.
    pub token: u64,
    /// The token endpoint, for refresh tokens.
    pub refresh: u64,
    /// The endpoint for pushed authorization requests.
    pub pushed: u64,
    /// The end-session endpoint.
    pub end_session: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; 7]);

impl Counters {
    pub(crate) fn count(&self, what: Counted) {
        if let Some(counter) = self.0.get(what as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn now(&self) -> Counts {
        let of = |what: Counted| self.0.get(what as usize).map_or(0, |counter| counter.load(Ordering::Relaxed));
        Counts {
            discovery: of(Counted::Discovery),
            keys: of(Counted::Keys),
            authorize: of(Counted::Authorize),
            token: of(Counted::Token),
            refresh: of(Counted::Refresh),
            pushed: of(Counted::Pushed),
            end_session: of(Counted::EndSession),
        }
    }
}
