//! The tokens asked for last, each found in one look at memory.
//!
//! The cache behind this decides what is kept. For each hit it follows six pointers from its table to an entry, each into
//! memory that isn't near after some hundred other tokens, and writes the use down. Here a token takes one line of memory, and
//! the cache is told of one use in [`TOLD_EVERY`].

use std::fmt;
use std::sync::Mutex;

/// The cache is asked once in so many uses: it keeps what is used often, and frees what isn't used for long.
const TOLD_EVERY: u32 = 8;

/// The most places.
const MAX_PLACES: usize = 4096;

/// The bytes of the cache for which there is a place.
const BYTES_FOR_A_PLACE: u64 = 65_536;

/// What is known of tokens, by their fingerprints, in pairs of places. A token has one pair.
pub(super) struct Recent<V> {
    places: Box<[Place<V>]>,
}

/// As large as what a processor reads of memory at once, if what is known are two pointers and a word.
#[repr(align(64))]
struct Place<V>(Mutex<Option<Used<V>>>);

struct Used<V> {
    fingerprint: u128,
    known: V,
    /// How often, since the cache was told.
    times: u32,
}

impl<V> Recent<V> {
    /// Places for a cache of so many bytes.
    pub(super) fn of(max_bytes: u64) -> Self {
        let wanted = usize::try_from(max_bytes / BYTES_FOR_A_PLACE).unwrap_or(MAX_PLACES);
        let count = wanted.clamp(2, MAX_PLACES).next_power_of_two();
        Self { places: (0..count).map(|_| Place(Mutex::new(None))).collect() }
    }

    /// What is read of what is known of the token. Nothing, too, if it is the cache's turn.
    ///
    /// Nobody waits here: a place that another thread looks at is as one without the token.
    pub(super) fn get<R>(&self, fingerprint: u128, read: impl FnOnce(&V) -> Option<R>) -> Option<R> {
        let mut places = self.pair(fingerprint).iter().filter_map(|place| place.0.try_lock().ok());
        let mut place = places.find(|place| holds(place.as_ref(), fingerprint))?;
        let used = place.as_mut()?;
        used.times += 1;
        if used.times < TOLD_EVERY { read(&used.known) } else { None }
    }

    /// Keeps what the cache knows of a token, in place of the older of two.
    pub(super) fn put(&self, fingerprint: u128, known: V) {
        let [newer, older] = self.pair(fingerprint) else { return };
        let (Ok(mut newer), Ok(mut older)) = (newer.0.try_lock(), older.0.try_lock()) else { return };
        let before = newer.replace(Used { fingerprint, known, times: 0 });
        if before.as_ref().is_some_and(|before| before.fingerprint != fingerprint) {
            *older = before;
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

    /// Fingerprints are as good as random, in each of their bits.
    fn pair(&self, fingerprint: u128) -> &[Place<V>] {
        let pairs = self.places.len() / 2;
        let pair = usize::try_from(fingerprint & (pairs - 1) as u128).unwrap_or_default();
        self.places.get(2 * pair..2 * pair + 2).unwrap_or_default()
    }
}

fn holds<V>(place: Option<&Used<V>>, fingerprint: u128) -> bool {
    place.is_some_and(|used| used.fingerprint == fingerprint)
}

impl<V> fmt::Debug for Recent<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("places", &self.places.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(recent: &Recent<[usize; 3]>, fingerprint: u128) -> Option<usize> {
        recent.get(fingerprint, |known| Some(known[0]))
    }

    #[test]
    fn a_token_is_found_until_it_is_the_caches_turn_and_again_once_it_was_told() {
        let recent = Recent::of(0);
        assert_eq!(get(&recent, 1), None);
        for _ in 0..3 {
            recent.put(1, [7; 3]);
            (1..TOLD_EVERY).for_each(|_| assert_eq!(get(&recent, 1), Some(7)));
            (0..3).for_each(|_| assert_eq!(get(&recent, 1), None, "the cache may have let go of it"));
        }
    }

    #[test]
    fn of_three_tokens_with_one_pair_the_last_two_are_kept() {
        let recent = Recent::of(0);
        (1..=3).for_each(|token| recent.put(token, [token as usize; 3]));
        assert_eq!([1, 2, 3].map(|token| get(&recent, token)), [None, Some(2), Some(3)]);
        recent.put(3, [4; 3]);
        assert_eq!([2, 3].map(|token| get(&recent, token)), [Some(2), Some(4)]);
        recent.put(2, [5; 3]);
        assert_eq!([2, 3].map(|token| get(&recent, token)), [Some(5), Some(4)]);
    }

    #[test]
    fn what_is_let_go_of_is_gone_from_both_places() {
        let recent = Recent::of(0);
        (1..=2).for_each(|token| recent.put(token, [token as usize; 3]));
        recent.forget(3);
        recent.forget(2);
        assert_eq!([1, 2].map(|token| get(&recent, token)), [Some(1), None]);
        recent.forget(1);
        assert_eq!(get(&recent, 1), None);
        (1..=2).for_each(|token| recent.put(token, [token as usize; 3]));
        recent.clear();
        assert_eq!([1, 2].map(|token| get(&recent, token)), [None, None]);
    }

    #[test]
    fn a_place_is_a_line_of_memory_and_there_are_no_more_than_a_cache_is_worth() {
        assert_eq!(size_of::<Place<(&str, usize)>>(), 64);
        let places = [0, 1 << 20, 256 << 20, u64::MAX].map(|bytes| Recent::<()>::of(bytes).places.len());
        assert_eq!(places, [2, 16, MAX_PLACES, MAX_PLACES]);
    }
}
