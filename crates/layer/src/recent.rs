//! What is known of the tokens asked for last, found with one look at memory or two.
//!
//! The cache behind this follows six pointers from its table to an entry for each hit, each into memory that isn't near after some
//! hundred other tokens, and writes the use down. Here a token takes one line of memory, and the cache hears about one use in
//! [`TOLD_EVERY`].
//!
//! What is here may stay after the cache has let go of it, until another takes its place: it takes memory of its own. Whether it
//! still counts is asked of it on each use.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Mutex, TryLockError};

use foldhash::fast::RandomState;

/// The cache is asked once in so many uses: it keeps what is used often, and frees what isn't used for long.
const TOLD_EVERY: u32 = 8;

/// The most places.
const MAX_PLACES: usize = 4096;

/// The most bytes that what is known of one token may take.
pub(super) const MOST_BYTES: u32 = 4096;

/// What is known of tokens, by their fingerprints. Each token belongs to one pair of places, which others share.
pub(super) struct Recent<V> {
    places: Box<[Place<V>]>,
    /// Which pair it is tells nothing of a fingerprint.
    pairs: RandomState,
}

/// As large as what a processor reads of memory at once, if what is known are two pointers and a word.
///
/// A place that was left locked by a panic is never used again.
#[repr(align(64))]
struct Place<V>(Mutex<Option<Used<V>>>);

struct Used<V> {
    fingerprint: u128,
    known: V,
    /// How often, since the cache was told.
    times: u32,
}

/// What became of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look<R> {
    /// What was read.
    Found(R),
    /// The cache has to be asked, and then what it knows may be put here.
    Ask,
    /// Another thread looks at the same place. The cache is asked in place of waiting, and nothing is put here.
    Busy,
}

impl<V> Recent<V> {
    /// As many places as a memory of so many bytes has room for.
    pub(super) fn of(bytes: u64) -> Self {
        let room = usize::try_from(bytes / u64::from(MOST_BYTES)).unwrap_or(MAX_PLACES).min(MAX_PLACES);
        let pairs = (room / 2).checked_ilog2().map_or(0, |exponent| 1 << exponent);
        Self { places: (0..2 * pairs).map(|_| Place(Mutex::new(None))).collect(), pairs: RandomState::default() }
    }

    /// Applies `read` to what is known of the token. If that says nothing, the cache is asked.
    pub(super) fn get<R>(&self, fingerprint: u128, read: impl FnOnce(&V) -> Option<R>) -> Look<R> {
        for place in self.pair(fingerprint) {
            let mut place = match place.0.try_lock() {
                Ok(place) => place,
                Err(TryLockError::WouldBlock) => return Look::Busy,
                Err(TryLockError::Poisoned(_)) => continue,
            };
            if let Some(used) = place.as_mut().filter(|used| used.fingerprint == fingerprint) {
                used.times = used.times.saturating_add(1);
                let read = if used.times < TOLD_EVERY { read(&used.known) } else { None };
                return read.map_or(Look::Ask, Look::Found);
            }
        }
        Look::Ask
    }

    /// Keeps what the cache knows of a token, in place of the older of two.
    pub(super) fn put(&self, fingerprint: u128, known: V) {
        let [newer, older] = self.pair(fingerprint) else { return };
        let (Ok(mut newer), Ok(mut older)) = (newer.0.try_lock(), older.0.try_lock()) else { return };
        let before = newer.replace(Used { fingerprint, known, times: 0 });
        if before.is_some() && !holds(before.as_ref(), fingerprint) {
            *older = before;
        } else if holds(older.as_ref(), fingerprint) {
            *older = None;
        }
    }

    /// Lets go of a token.
    pub(super) fn forget(&self, fingerprint: u128) {
        for place in self.pair(fingerprint) {
            if let Ok(mut place) = place.0.lock()
                && holds(place.as_ref(), fingerprint)
            {
                *place = None;
            }
        }
    }

    /// Lets go of all tokens.
    pub(super) fn clear(&self) {
        for place in &self.places {
            if let Ok(mut place) = place.0.lock() {
                *place = None;
            }
        }
    }

    fn pair(&self, fingerprint: u128) -> &[Place<V>] {
        let Some(last) = (self.places.len() / 2).checked_sub(1) else { return &[] };
        let hash = self.pairs.hash_one(fingerprint);
        let pair = usize::try_from(hash & last as u64).unwrap_or_default();
        self.places.get(2 * pair..2 * pair + 2).unwrap_or_default()
    }
}

fn holds<V>(place: Option<&Used<V>>, fingerprint: u128) -> bool {
    place.is_some_and(|used| used.fingerprint == fingerprint)
}

impl<V> fmt::Debug for Recent<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two places, so that all tokens share them.
    fn pair() -> Recent<[usize; 3]> {
        Recent::of(2 * u64::from(MOST_BYTES))
    }

    fn get(recent: &Recent<[usize; 3]>, fingerprint: u128) -> Option<usize> {
        match recent.get(fingerprint, |known| Some(known[0])) {
            Look::Found(known) => Some(known),
            Look::Ask => None,
            Look::Busy => panic!("nobody else is there"),
        }
    }

    #[test]
    fn a_token_is_found_until_it_is_the_caches_turn_and_again_once_it_was_told() {
        let recent = pair();
        assert_eq!(get(&recent, 1), None);
        for _ in 0..3 {
            recent.put(1, [7; 3]);
            (1..TOLD_EVERY).for_each(|_| assert_eq!(get(&recent, 1), Some(7)));
            (0..3).for_each(|_| assert_eq!(get(&recent, 1), None, "the cache may have let go of it"));
        }
        recent.put(1, [7; 3]);
        assert_eq!(recent.get(1, |_| None::<()>), Look::Ask, "what is read counts");
    }

    #[test]
    fn of_three_tokens_with_one_pair_the_last_two_are_kept() {
        let recent = pair();
        (1..=3).for_each(|token| recent.put(token, [token as usize; 3]));
        assert_eq!([1, 2, 3].map(|token| get(&recent, token)), [None, Some(2), Some(3)]);
        recent.put(3, [4; 3]);
        assert_eq!([2, 3].map(|token| get(&recent, token)), [Some(2), Some(4)]);
        recent.put(2, [5; 3]);
        assert_eq!([2, 3].map(|token| get(&recent, token)), [Some(5), Some(4)]);
    }

    #[test]
    fn what_is_let_go_of_is_gone_from_both_places() {
        let recent = pair();
        (1..=2).for_each(|token| recent.put(token, [token as usize; 3]));
        recent.forget(3);
        recent.forget(2);
        assert_eq!([1, 2].map(|token| get(&recent, token)), [Some(1), None]);
        // Now it would be in both.
        recent.put(1, [3; 3]);
        recent.put(2, [2; 3]);
        assert_eq!([1, 2].map(|token| get(&recent, token)), [Some(3), Some(2)]);
        recent.clear();
        assert_eq!([1, 2].map(|token| get(&recent, token)), [None, None]);
    }

    #[test]
    fn nobody_waits_for_a_place() {
        let recent = pair();
        recent.put(1, [7; 3]);
        let held = recent.places[0].0.lock().unwrap();
        assert_eq!(recent.get(1, |known| Some(known[0])), Look::Busy);
        recent.put(1, [8; 3]);
        drop(held);
        assert_eq!(get(&recent, 1), Some(7));
    }

    #[test]
    fn threads_that_share_places_never_find_what_is_known_of_another_token() {
        let recent = pair();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for token in (1..=3).cycle().take(20_000) {
                        if let Look::Found(known) = recent.get(token, |known| Some(known[0] as u128)) {
                            assert_eq!(known, token);
                        }
                        recent.put(token, [token as usize; 3]);
                        recent.forget(token % 3 + 1);
                    }
                });
            }
        });
        recent.clear();
        assert_eq!([1, 2, 3].map(|token| get(&recent, token)), [None; 3]);
    }

    #[test]
    fn a_place_is_a_line_of_memory_and_all_of_them_take_no_more_than_they_may() {
        assert_eq!(size_of::<Place<(&str, usize)>>(), 64);
        for (bytes, places) in [(0, 0), (8191, 0), (8192, 2), (1 << 20, 256), (16 << 20, MAX_PLACES)] {
            assert_eq!(Recent::<()>::of(bytes).places.len(), places, "{bytes}");
        }
        assert_eq!(Recent::<()>::of(u64::MAX).places.len(), MAX_PLACES);
        Recent::<()>::of(0).put(1, ());
    }
}
