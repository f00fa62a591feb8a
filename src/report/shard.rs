//! What one thread, or a few, have counted.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashTable;
use http::Method;
use mfa_gateway_core::policy::{Proof, UserKind};

use super::cell::{Alike, Cell};
use super::counted::Outcome;
use super::customer_cell::{AlikeCustomer, CustomerCell};
use crate::routing::Route;

/// How many of the latest requests are kept: as many as Partner Center's download has.
pub(super) const MAX_LATEST: usize = 10_000;

/// Counts and the latest requests, since the last flush.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) cells: HashTable<Cell>,
    pub(super) customers: HashTable<CustomerCell>,
    pub(super) latest: VecDeque<Latest>,
    /// How many decisions the cells have.
    pub(super) decisions: u64,
}

/// A request of a user. It shares what the gateway has anyway, so that noting it costs little.
#[derive(Debug)]
pub(super) struct Latest {
    /// In milliseconds.
    pub(super) at: i64,
    /// The request's id and the correlation id after it, and the length of the first.
    pub(super) ids: (Box<str>, usize),
    pub(super) method: Method,
    pub(super) client: Option<IpAddr>,
    pub(super) portal: bool,
    pub(super) outcome: Outcome,
    pub(super) route: Arc<Route>,
    pub(super) proof: Arc<Proof>,
}

impl Shard {
    /// Counts a decision. `None`, and nothing is counted, if there is no cell for it and `room` gives none.
    pub(super) fn count(
        &mut self,
        hash: u64,
        alike: &Alike<'_>,
        at: i64,
        (name, kind): (Option<&str>, UserKind),
        room: impl FnOnce() -> bool,
    ) -> Option<()> {
        let cell = match self.cells.find_mut(hash, |cell| alike.is_of(cell)) {
            Some(cell) => cell,
            None if room() => self.cells.insert_unique(hash, alike.cell(hash, name, kind), |cell| cell.hash).into_mut(),
            None => return None,
        };
        cell.count += 1;
        cell.last = cell.last.max(at);
        self.decisions += 1;
        Some(())
    }

    /// Counts a decision about a customer. `None`, and nothing is counted, if there is no cell for it and `room` gives none.
    pub(super) fn count_customer(
        &mut self,
        hash: u64,
        alike: &AlikeCustomer<'_>,
        (outcome, by_context): (Outcome, bool),
        room: impl FnOnce() -> bool,
    ) -> Option<()> {
        let cell = match self.customers.find_mut(hash, |cell| alike.is_of(cell)) {
            Some(cell) => cell,
            None if room() => self.customers.insert_unique(hash, alike.cell(hash), |cell| cell.hash).into_mut(),
            None => return None,
        };
        cell.requests.add(outcome, 1, by_context);
        Some(())
    }

    /// Notes a request, in the place of the oldest if there are many.
    pub(super) fn note(&mut self, latest: Latest) {
        if self.latest.len() >= MAX_LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(latest);
    }
}
