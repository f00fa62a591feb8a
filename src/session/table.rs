//! What a process knows of sessions without asking the store: when each was last used, and which have ended.
//!
//! A request looks an id up, and notes its use; nothing else happens on its way. An ended session stays in the table until
//! its cookie would have expired anyway.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use foldhash::fast::RandomState;
use mfa_gateway_core::clock::Timestamp;

use super::id::SessionId;

/// How many parts the table has, each with its own lock, which is held for a look-up.
const SHARDS: usize = 64;

/// What a session's standing is.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// It goes on. A refresh on any replica may have made a newer record than the cookie holds: this is its generation.
    Live(u32),
    /// It has ended.
    Ended(Ending),
    /// Nothing is known of it.
    Unknown,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody ended it.
    Ended,
    /// It wasn't used for too long.
    Idle,
}

#[derive(Debug)]
struct Entry {
    /// When it was last used, in milliseconds, on any replica as far as this one knows.
    seen: AtomicI64,
    /// The last use that the store knows.
    stored: AtomicI64,
    /// When its cookie expires, in milliseconds.
    expires: i64,
    /// How often its tokens were refreshed.
    generation: AtomicU32,
    ended: AtomicBool,
}

type Shard = HashMap<SessionId, Entry, RandomState>;

/// The sessions that a process knows.
#[derive(Debug)]
pub(super) struct Table {
    shards: Vec<RwLock<Shard>>,
    hasher: RandomState,
}

impl Default for Table {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, hasher: RandomState::default() }
    }
}

impl Table {
    fn shard(&self, id: &SessionId) -> Option<&RwLock<Shard>> {
        use std::hash::BuildHasher;
        let at = self.hasher.hash_one(id) >> 32;
        self.shards.get(usize::try_from(at).unwrap_or_default() % SHARDS)
    }

    fn read(&self, id: &SessionId) -> Option<RwLockReadGuard<'_, Shard>> {
        Some(self.shard(id)?.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, id: &SessionId) -> Option<RwLockWriteGuard<'_, Shard>> {
        Some(self.shard(id)?.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The standing of a session. `counts` says whether this use keeps it from going idle.
    #[must_use]
    pub(super) fn look_up(&self, id: &SessionId, now: Timestamp, idle: Duration, counts: bool) -> Standing {
        let Some(shard) = self.read(id) else { return Standing::Unknown };
        let Some(entry) = shard.get(id) else { return Standing::Unknown };
        if entry.ended.load(Ordering::Acquire) {
            return Standing::Ended(Ending::Ended);
        }
        if now.since(Timestamp::from_millis(entry.seen.load(Ordering::Relaxed))) >= idle {
            return Standing::Ended(Ending::Idle);
        }
        if counts {
            entry.seen.fetch_max(now.as_millis(), Ordering::Relaxed);
        }
        Standing::Live(entry.generation.load(Ordering::Acquire))
    }

    /// Whether a session is known to have ended.
    pub(super) fn has_ended(&self, id: &SessionId) -> bool {
        self.read(id).and_then(|shard| Some(shard.get(id)?.ended.load(Ordering::Acquire))).unwrap_or_default()
    }

    /// When a session was last used.
    #[must_use]
    pub(super) fn last_use(&self, id: &SessionId) -> Option<Timestamp> {
        let seen = self.read(id).and_then(|shard| Some(shard.get(id)?.seen.load(Ordering::Relaxed)));
        // One that was known by its end alone has none.
        seen.filter(|at| *at > 0).map(Timestamp::from_millis)
    }

    /// Ends every session that is known.
    pub(super) fn end_all(&self) {
        for shard in &self.shards {
            for entry in shard.read().unwrap_or_else(PoisonError::into_inner).values() {
                entry.ended.store(true, Ordering::Release);
            }
        }
    }

    /// Takes a session in, or a later use of one that is known.
    pub(super) fn seen(&self, id: SessionId, at: i64, expires: i64, stored: bool) {
        let Some(mut shard) = self.write(&id) else { return };
        let new = || Entry {
            seen: AtomicI64::new(at),
            stored: AtomicI64::new(if stored { at } else { i64::MIN }),
            expires,
            generation: AtomicU32::new(0),
            ended: AtomicBool::new(false),
        };
        let entry = shard.entry(id).or_insert_with(new);
        entry.seen.fetch_max(at, Ordering::Relaxed);
        if stored {
            entry.stored.fetch_max(at, Ordering::Relaxed);
        }
    }

    /// Notes the end of a session, whether it is known or not. Returns whether that is news.
    pub(super) fn end(&self, id: SessionId, expires: i64) -> bool {
        self.seen(id, i64::MIN, expires, true);
        let Some(shard) = self.read(&id) else { return false };
        let Some(entry) = shard.get(&id) else { return false };
        !entry.ended.swap(true, Ordering::AcqRel)
    }

    /// Notes that a refresh made a record of this generation: from now on, no older one counts.
    pub(super) fn renew(&self, id: SessionId, generation: u32) {
        let Some(shard) = self.read(&id) else { return };
        if let Some(entry) = shard.get(&id) {
            entry.generation.fetch_max(generation, Ordering::AcqRel);
        }
    }

    /// The uses that the store doesn't know yet, of sessions whose last known use lies back further than `after`. They count
    /// as stored from now on.
    #[must_use]
    pub(super) fn take_unstored(&self, after: Duration) -> Vec<(SessionId, i64)> {
        let mut uses = Vec::new();
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        for shard in &self.shards {
            for (id, entry) in shard.read().unwrap_or_else(PoisonError::into_inner).iter() {
                let (seen, stored) = (entry.seen.load(Ordering::Relaxed), entry.stored.load(Ordering::Relaxed));
                if seen > stored.saturating_add(after) && !entry.ended.load(Ordering::Relaxed) {
                    entry.stored.store(seen, Ordering::Relaxed);
                    uses.push((*id, seen));
                }
            }
        }
        uses
    }

    /// Gives uses back that could not be stored.
    pub(super) fn return_unstored(&self, uses: &[(SessionId, i64)]) {
        for (id, _) in uses {
            if let Some(shard) = self.read(id)
                && let Some(entry) = shard.get(id)
            {
                entry.stored.store(i64::MIN, Ordering::Relaxed);
            }
        }
    }

    /// Forgets the sessions whose cookies have expired. Returns how many live ones are left.
    pub(super) fn sweep(&self, now: Timestamp) -> usize {
        let mut live = 0;
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, entry| entry.expires > now.as_millis());
            live += shard.values().filter(|entry| !entry.ended.load(Ordering::Relaxed)).count();
            if shard.capacity() > 4 * shard.len() + 64 {
                shard.shrink_to_fit();
            }
        }
        live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn id() -> SessionId {
        SessionId::random().unwrap()
    }

    fn standing(table: &Table, id: &SessionId, secs: i64) -> String {
        match table.look_up(id, at(secs), IDLE, true) {
            Standing::Live(_) => "live".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn p22_use_keeps_a_session_from_going_idle_and_the_end_is_to_the_millisecond() {
        let (table, one) = (Table::default(), id());
        assert_eq!(standing(&table, &one, 0), "Unknown");
        table.seen(one, 0, 100_000, true);
        for secs in [5, 14, 23] {
            assert_eq!(standing(&table, &one, secs), "live");
        }
        let look_up = |millis, counts| table.look_up(&one, Timestamp::from_millis(millis), IDLE, counts);
        assert!(matches!(look_up(32_000, false), Standing::Live(0)), "which doesn't count");
        assert!(matches!(look_up(32_999, false), Standing::Live(0)));
        assert_eq!(standing(&table, &one, 33), "Ended(Idle)");
    }

    #[test]
    fn the_newest_generation_counts_in_whatever_order_replicas_tell() {
        let (table, one) = (Table::default(), id());
        table.renew(one, 1);
        assert_eq!(standing(&table, &one, 0), "Unknown");
        table.seen(one, 0, 100_000, true);
        for (told, newest) in [(2, 2), (1, 2), (3, 3)] {
            table.renew(one, told);
            assert!(matches!(table.look_up(&one, at(1), IDLE, true), Standing::Live(known) if known == newest));
        }
    }

    #[test]
    fn p21_an_ended_session_stays_ended_until_its_cookie_has_expired() {
        let (table, one, other) = (Table::default(), id(), id());
        table.seen(one, 0, 100_000, true);
        assert!(table.end(one, 100_000) && !table.end(one, 100_000) && table.end(other, 50_000));
        table.seen(one, 5000, 100_000, true);
        assert_eq!(
            (standing(&table, &one, 5), standing(&table, &other, 5)),
            ("Ended(Ended)".into(), "Ended(Ended)".into())
        );
        assert_eq!(table.sweep(at(60)), 0);
        assert_eq!(
            (standing(&table, &one, 61), standing(&table, &other, 61)),
            ("Ended(Ended)".into(), "Unknown".into())
        );
    }

    #[test]
    fn uses_are_stored_in_batches_and_come_back_if_they_could_not_be() {
        let (table, one) = (Table::default(), id());
        table.seen(one, 0, 100_000, true);
        let take = || table.take_unstored(Duration::from_secs(2));
        assert_eq!(standing(&table, &one, 2), "live");
        assert!(take().is_empty());
        assert_eq!(standing(&table, &one, 3), "live");
        let uses = take();
        assert_eq!((uses.as_slice(), take().len()), ([(one, 3000)].as_slice(), 0));
        table.return_unstored(&uses);
        assert_eq!(take(), uses);
    }
}
