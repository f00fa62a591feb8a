//! Counts decisions in memory, as the gateway makes them.
//!
//! On the path of a request there are a lock that nobody else holds, a look-up and an addition: each thread counts in a place
//! of its own. A decision like one before it allocates nothing but the text of a request's ids.

use std::cell::Cell as Local;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use http::Method;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Evidence, Grounds, Proof, UserKind, complies};
use prometheus_client::metrics::counter::Counter as Metric;

use super::cell::{Alike, Cell};
use super::counted::Outcome;
use super::customer_cell::{AlikeCustomer, CustomerCell, ToldApart};
use super::customers::Pair;
use super::day::Day;
use super::shard::{Latest, MAX_LATEST, Shard};
use crate::journal::Customer;
use crate::routing::Route;

/// How many places there are to count in.
const SHARDS: usize = 16;

/// How many different decisions are told apart between two flushes. Further ones count, and are named by nothing.
const MAX_CELLS: usize = 50_000;

/// A decision, as it is made.
#[derive(Debug)]
pub(crate) struct Decided<'d> {
    pub(crate) at: Timestamp,
    pub(crate) request_id: &'d str,
    pub(crate) correlation_id: &'d str,
    pub(crate) method: &'d Method,
    pub(crate) client: Option<IpAddr>,
    /// Whether it is on a session.
    pub(crate) portal: bool,
    pub(crate) route: &'d Arc<Route>,
    /// The customer that the path names, if the route's paths name one.
    pub(crate) customer: Option<Customer<'d>>,
    pub(crate) evidence: &'d Evidence,
    pub(crate) decision: &'d Decision,
}

/// Counts decisions.
#[derive(Debug)]
pub(crate) struct Counter {
    shards: [Place; SHARDS],
    hasher: RandomState,
    cells: AtomicUsize,
    max_cells: usize,
    told_apart: ToldApart,
    /// Decisions that are named by nothing.
    nameless: Metric,
}

/// A shard in memory that no other shares a cache line with.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place(Mutex<Shard>);

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Drained {
    pub(super) cells: Vec<Cell>,
    pub(super) customers: Vec<CustomerCell>,
    /// In order.
    pub(super) latest: Vec<Latest>,
}

impl Counter {
    /// One that has counted nothing.
    pub(super) fn new(nameless: Metric) -> Self {
        let (hasher, cells) = (RandomState::default(), AtomicUsize::new(0));
        Self {
            shards: Default::default(),
            hasher,
            cells,
            max_cells: MAX_CELLS,
            told_apart: ToldApart::default(),
            nameless,
        }
    }

    /// Counts a decision, if it counts.
    pub(crate) fn count(&self, decided: &Decided<'_>) {
        let Decided { at, route, evidence, decision, portal, .. } = *decided;
        let Evidence::Token(proof) = evidence else { return };
        let is_compliant = || complies(&route.rule, evidence, at) == Some(true);
        let Some(outcome) = Outcome::decided(&route.rule, proof, decision, is_compliant) else { return };
        let alike = Alike {
            day: Day::of(at),
            portal,
            outcome,
            issuer: &proof.issuer.name,
            tenant: proof.tenant.as_deref().unwrap_or_default(),
            application: proof.principal.app().id.as_deref().unwrap_or_default(),
            user: proof.principal.user().map(|user| user.id.as_deref().unwrap_or_default()),
            route: route.pattern.as_written(),
            exception: match decision {
                Decision::Permit(Grounds::Exempt(id)) => id,
                _ => "",
            },
        };
        let (hash, now) = (self.hasher.hash_one(alike), at.as_millis());
        let latest = (outcome != Outcome::AppOnly).then(|| Latest {
            at: now,
            ids: ([decided.request_id, decided.correlation_id].concat().into(), decided.request_id.len()),
            method: decided.method.clone(),
            client: decided.client,
            portal,
            outcome,
            route: Arc::clone(route),
            proof: Arc::clone(proof),
        });
        let mut shard = self.shard();
        if shard.count(hash, &alike, now, (proof.name.as_deref(), proof.kind), || self.take_room()).is_none() {
            let nameless = alike.nameless();
            // There are few of these, so that they need no room.
            let _ = shard.count(self.hasher.hash_one(nameless), &nameless, now, (None, UserKind::Ordinary), || true);
            self.nameless.inc();
        }
        if let Some(latest) = latest {
            shard.note(latest);
        }
        if let Some(customer) = decided.customer {
            self.count_customer(&mut shard, customer, proof, decided, outcome);
        }
    }

    /// Counts a decision for the customer whom it is about.
    fn count_customer(
        &self,
        shard: &mut Shard,
        customer: Customer<'_>,
        proof: &Proof,
        decided: &Decided<'_>,
        outcome: Outcome,
    ) {
        let pair = Pair::of(customer, proof.tenant.as_deref(), proof.home.as_deref(), outcome);
        let Some(pair) = pair else { return };
        let alike = AlikeCustomer { day: Day::of(decided.at), issuer: &proof.issuer.name, pair };
        let (hash, of) = (self.hasher.hash_one(alike), (outcome, Outcome::is_by_context(decided.decision)));
        let room = || self.told_apart.take_room(&self.hasher, &alike);
        if shard.count_customer(hash, &alike, of, room).is_none() {
            let nameless = alike.nameless();
            let _ = shard.count_customer(self.hasher.hash_one(nameless), &nameless, of, || true);
        }
    }

    fn take_room(&self) -> bool {
        self.cells.fetch_add(1, Ordering::Relaxed) < self.max_cells
    }

    /// The place where this thread counts.
    fn shard(&self) -> MutexGuard<'_, Shard> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: Local<usize> = Local::new(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        let at = MINE.with(Local::get) % SHARDS;
        lock(&self.shards[at])
    }

    /// Takes what was counted since the last time.
    pub(super) fn drain(&self) -> Drained {
        let mut drained = Drained::default();
        for place in &self.shards {
            let Shard { cells, customers, latest, .. } = std::mem::take(&mut *lock(place));
            drained.cells.extend(cells);
            drained.customers.extend(customers);
            drained.latest.extend(latest);
        }
        self.cells.store(0, Ordering::Relaxed);
        drained.latest.sort_by_key(|latest| latest.at);
        let excess = drained.latest.len().saturating_sub(MAX_LATEST);
        drained.latest.drain(..excess);
        drained
    }

    /// How many decisions it would drain.
    pub(super) fn len(&self) -> u64 {
        self.shards.iter().map(|place| lock(place).decisions).sum()
    }
}

fn lock(place: &Place) -> MutexGuard<'_, Shard> {
    place.0.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use mfa_gateway_core::policy::MfaFinding;

    use super::super::equal::{now, proof, routes};
    use super::*;

    /// Counts a request of this user with MFA.
    fn count(counter: &Counter, user: &str, route: &Arc<Route>) {
        let evidence = Evidence::Token(proof(Some(user), "console", MfaFinding::Proven));
        counter.count(&Decided {
            at: now(),
            request_id: "r",
            correlation_id: "c",
            method: &Method::GET,
            client: None,
            portal: false,
            route,
            customer: None,
            evidence: &evidence,
            decision: &Decision::Permit(Grounds::Mfa),
        });
    }

    #[test]
    fn what_is_counted_beside_a_flush_is_in_this_one_or_the_next() {
        const THREADS: u64 = 24;
        const EACH: u64 = 500;
        let (counter, [route, ..], done) = (Counter::new(Metric::default()), routes(), AtomicBool::new(false));
        let mut drained = 0;
        let mut take = || {
            let Drained { cells, latest, .. } = counter.drain();
            assert!(latest.len() <= MAX_LATEST);
            drained += cells.iter().map(|cell| cell.count).sum::<u64>();
        };
        std::thread::scope(|scope| {
            let counting: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (counter, route) = (&counter, &route);
                    scope.spawn(move || (0..EACH).for_each(|at| count(counter, &(thread * at % 7).to_string(), route)))
                })
                .collect();
            scope.spawn(|| {
                for thread in counting {
                    thread.join().unwrap();
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                take();
            }
        });
        take();
        assert_eq!((drained, counter.len()), (THREADS * EACH, 0));
    }

    #[test]
    fn decisions_beyond_the_limit_count_without_names() {
        let (nameless, [route, ..]) = (Metric::default(), routes());
        let counter = Counter { max_cells: 3, ..Counter::new(nameless.clone()) };
        for round in 0..2 {
            for user in ["a", "b", "c", "d", "e", "a"] {
                count(&counter, user, &route);
            }
            assert_eq!((nameless.get(), counter.len()), (2 * (round + 1), 6));
            let mut cells = counter.drain().cells;
            cells.sort_by(|one, other| one.user.cmp(&other.user));
            let found: Vec<_> = cells.iter().map(|cell| (cell.user.as_deref(), &*cell.route, cell.count)).collect();
            let named = |user, count| (Some(user), "/v1/", count);
            assert_eq!(found, [(None, "", 2), named("a", 2), named("b", 1), named("c", 1)]);
        }
    }

    #[test]
    fn the_latest_requests_are_bounded() {
        let (counter, [route, ..]) = (Counter::new(Metric::default()), routes());
        for _ in 0..MAX_LATEST + 5 {
            count(&counter, "a", &route);
        }
        let Drained { cells, latest, .. } = counter.drain();
        assert_eq!((latest.len(), cells.len()), (MAX_LATEST, 1));
        assert_eq!(cells[0].count, u64::try_from(MAX_LATEST).unwrap() + 5);
    }
}
