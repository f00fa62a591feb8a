//! The cache of tokens whose signature was verified.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use equivalent::Equivalent;
use foldhash::quality::RandomState;
use moka::sync::Cache;

use mfa_gateway_core::policy::Proof;
use mfa_gateway_core::token::{Key, Validity};

/// What an entry takes beyond its token's bytes, as measured: keys, pointers, the proof and the fields made of it.
const OVERHEAD: usize = 1280;

/// Tokens whose signature was verified, keyed on all their bytes and bounded by memory.
///
/// Only tokens that an issuer signed for us get in, so nobody can fill it with tokens that collide: a fast hash will do, seeded
/// for each process.
#[derive(Debug)]
pub(super) struct TokenCache {
    entries: Option<Cache<Known, Entry, RandomState>>,
    hasher: RandomState,
}

/// A token in the cache. Its hash is kept: tokens of one issuer begin alike for hundreds of bytes, and are told apart by it
/// without a look at them. What is signed and the signature are two pieces of memory, since the allocator rounds the size
/// of a large one up by as much as a fifth.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    hash: u64,
    signed: Box<[u8]>,
    signature: Box<[u8]>,
}

impl Known {
    fn new(hash: u64, token: &str) -> Self {
        let (signed, signature) = token.as_bytes().split_at(token.rfind('.').unwrap_or(0));
        Self { hash, signed: signed.into(), signature: signature.into() }
    }

    fn len(&self) -> usize {
        self.signed.len() + self.signature.len()
    }
}

/// A token that is asked for.
struct Asked<'t> {
    hash: u64,
    bytes: &'t [u8],
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl Equivalent<Known> for Asked<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        let parts = || self.bytes.split_at_checked(known.signed.len());
        self.hash == known.hash && parts() == Some((&*known.signed, &*known.signature))
    }
}

#[derive(Clone, Debug)]
struct Entry {
    found: Found,
    key: Arc<Key>,
}

/// The cached result of a token's verification.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// What it proves, if the time is right: that is judged on every request.
    Proof(Arc<Proof>),
    /// It was expired, or not valid yet, and nothing else of it was looked at. A client that doesn't renew its token must
    /// not cost a verification each time.
    Untimely(Box<Validity>),
}

fn weight(token: &Known) -> u32 {
    u32::try_from(token.len() + OVERHEAD).unwrap_or(u32::MAX)
}

impl TokenCache {
    /// A cache that takes about `max_bytes`; none if that is 0.
    pub(super) fn new(max_bytes: u64) -> Self {
        let entries = (max_bytes > 0).then(|| {
            Cache::<Known, Entry>::builder()
                .max_capacity(max_bytes)
                .weigher(|token, _| weight(token))
                // Tokens live for about an hour. The time is judged on every request; this only frees the memory.
                .time_to_idle(std::time::Duration::from_secs(3600))
                .build_with_hasher(RandomState::default())
        });
        Self { entries, hasher: RandomState::default() }
    }

    /// The cached result for the token, if the key that verified it is still published.
    pub(super) fn get(&self, token: &[u8]) -> Option<Found> {
        let cache = self.entries.as_ref()?;
        let asked = Asked { hash: self.hasher.hash_one(token), bytes: token };
        let entry = cache.get(&asked)?;
        if entry.key.is_retired() {
            cache.invalidate(&asked);
            return None;
        }
        Some(entry.found)
    }

    /// How many tokens there are, and the bytes they take.
    pub(super) fn size(&self) -> (u64, u64) {
        let Some(cache) = &self.entries else { return (0, 0) };
        // The counts lag behind until the cache has done its pending work.
        cache.run_pending_tasks();
        (cache.entry_count(), cache.weighted_size())
    }

    /// Lets go of all tokens.
    pub(super) fn clear(&self) {
        if let Some(cache) = &self.entries {
            cache.invalidate_all();
            cache.run_pending_tasks();
        }
    }

    pub(super) fn put(&self, token: &str, found: Found, key: Arc<Key>) {
        if let Some(cache) = &self.entries {
            let hash = self.hasher.hash_one(token.as_bytes());
            cache.insert(Known::new(hash, token), Entry { found, key });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN_BYTES: usize = 1300;
    const ROOM: usize = 500;

    /// A cache with room for so many tokens, and a key that signed them.
    fn cache() -> (TokenCache, Arc<Key>) {
        // The example of RFC 7517 appendix A.1.
        let key = Key::from_jwk(&json!({"kty": "EC", "crv": "P-256", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}));
        (TokenCache::new((ROOM * (TOKEN_BYTES + OVERHEAD)) as u64), Arc::new(key.unwrap()))
    }

    /// Asks for a token as a request does: it is put there if it isn't known. Whether it was.
    fn ask((cache, key): &(TokenCache, Arc<Key>), kind: &str, number: usize) -> bool {
        let token = format!("{:x<958}.{kind}{number:x<340}", "");
        assert_eq!(token.len(), TOKEN_BYTES);
        let known = cache.get(token.as_bytes()).is_some();
        if !known {
            let found = Found::Untimely(Box::new(Validity::always()));
            cache.put(&token, found, Arc::clone(key));
        }
        known
    }

    #[test]
    fn what_is_asked_again_and_again_is_not_driven_out_by_what_is_asked_once() {
        let (cache, known) = (cache(), ROOM / 2);
        for _ in 0..10 {
            for number in 0..known {
                ask(&cache, "k", number);
            }
        }
        let mut forgotten = 0;
        for round in 0..8 {
            // As many as there is room for, all of them genuine: the least recently used would all be gone.
            (0..ROOM).for_each(|number| assert!(!ask(&cache, "n", round * ROOM + number)));
            forgotten += (0..known).filter(|&number| !ask(&cache, "k", number)).count();
        }
        assert!(forgotten < 8 * known / 4, "{forgotten} of {}", 8 * known);
    }

    #[test]
    fn it_takes_no_more_memory_than_it_may_and_forgets_what_a_retired_key_signed() {
        let cache = cache();
        for number in 0..3 * ROOM {
            ask(&cache, "n", number);
        }
        let (entries, bytes) = cache.0.size();
        assert!(entries > 0 && entries <= ROOM as u64 && bytes <= (ROOM * (TOKEN_BYTES + OVERHEAD)) as u64);
        ask(&cache, "k", 0);
        cache.1.retire();
        let other = self::cache();
        (0..ROOM / 2).for_each(|number| assert!(!ask(&other, "n", number)));
        assert!(other.0.size().0 > 0);
        other.0.clear();
        assert_eq!(other.0.size(), (0, 0), "and when it is told to");
        let left = (0..3 * ROOM).filter(|&number| ask(&cache, "n", number)).count();
        assert_eq!((left, ask(&cache, "k", 0)), (0, false));
    }
}
