//! The cache of tokens whose signature was verified.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use foldhash::fast::RandomState;
use moka::sync::Cache;

use mfa_gateway_core::policy::Proof;
use mfa_gateway_core::token::{Key, Validity};

use super::recent::{Look, MOST_BYTES, Recent};

/// The most that an entry takes beyond the claims that its proof keeps, which are no longer than the token: key, pointers,
/// the proof and the fields made of it.
const OVERHEAD: usize = 1280;

/// Tokens whose signature was verified, known by their fingerprints and bounded by memory.
#[derive(Debug)]
pub(super) struct TokenCache {
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    fingerprints: Fingerprints,
    /// Of the tokens asked for last.
    recent: Recent<Verified>,
    entries: Cache<u128, Entry, RandomState>,
}

/// Makes of all bytes of a token 128 bits that stand for it: its authentication tag as the additional data of AES-GCM,
/// with one nonce for all, by a key that is drawn when the cache is made.
///
/// With one nonce the tag is the universal hash GHASH of the token, and a constant. To somebody who doesn't know the key,
/// two texts of n blocks have the same tag with a probability of at most (n + 1) / 2^128, as long as AES looks random (NIST
/// SP 800-38D section 6.4; "The Security and Performance of the Galois/Counter Mode", 2004), however they are chosen: no
/// tag is shown to anybody, and a miss only rules out a few keys, so that tries add up. A forged token of 16 KiB passes
/// for one of a million known ones once in 2^98 tries. Comparing kept bytes would read 1.3 KB of cold memory for each request.
struct Fingerprints(LessSafeKey);

impl Fingerprints {
    /// `None` if the system gives no random bytes.
    fn draw() -> Option<Self> {
        let mut secret = [0; 16];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        UnboundKey::new(&AES_128_GCM, &secret).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    fn of(&self, token: &[u8]) -> Option<u128> {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(token), &mut []).ok()?;
        tag.as_ref().try_into().ok().map(u128::from_ne_bytes)
    }
}

impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprints")
    }
}

#[derive(Clone, Debug)]
struct Entry {
    verified: Verified,
    /// The length of the token.
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Verified {
    found: Found,
    key: Arc<Key>,
}

impl Verified {
    /// Nothing, if the key is no longer published.
    fn found(&self) -> Option<Found> {
        (!self.key.is_retired()).then(|| self.found.clone())
    }
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

fn weight(entry: &Entry) -> u32 {
    u32::try_from(entry.bytes + OVERHEAD).unwrap_or(u32::MAX)
}

impl TokenCache {
    /// A cache that takes about `max_bytes`; none if that is 0.
    pub(super) fn new(max_bytes: u64) -> Self {
        let known = || {
            // A part of the memory is for the tokens asked for last.
            let of_recent = max_bytes / 16;
            let recent = Recent::of(of_recent);
            let entries = Cache::builder()
                .max_capacity(max_bytes - of_recent)
                .weigher(|_, entry| weight(entry))
                // Tokens live for about an hour. The time is judged on every request; this only frees the memory.
                .time_to_idle(std::time::Duration::from_secs(3600))
                .build_with_hasher(RandomState::default());
            Some(Known { fingerprints: Fingerprints::draw()?, recent, entries })
        };
        Self { known: (max_bytes > 0).then(known).flatten() }
    }

    /// The cached result for the token, if the key that verified it is still published.
    pub(super) fn get(&self, token: &[u8]) -> Option<Found> {
        let Known { fingerprints, recent, entries } = self.known.as_ref()?;
        let fingerprint = fingerprints.of(token)?;
        let look = recent.get(fingerprint, Verified::found);
        if let Look::Found(found) = look {
            return Some(found);
        }
        let entry = entries.get(&fingerprint)?;
        let Some(found) = entry.verified.found() else {
            entries.invalidate(&fingerprint);
            recent.forget(fingerprint);
            return None;
        };
        if matches!(look, Look::Ask) && weight(&entry) <= MOST_BYTES {
            recent.put(fingerprint, entry.verified);
        }
        Some(found)
    }

    /// How many tokens there are, and the bytes they take.
    pub(super) fn size(&self) -> (u64, u64) {
        let Some(Known { entries, .. }) = &self.known else { return (0, 0) };
        // The counts lag behind until the cache has done its pending work.
        entries.run_pending_tasks();
        (entries.entry_count(), entries.weighted_size())
    }

    /// Lets go of all tokens.
    pub(super) fn clear(&self) {
        if let Some(Known { recent, entries, .. }) = &self.known {
            entries.invalidate_all();
            entries.run_pending_tasks();
            recent.clear();
        }
    }

    pub(super) fn put(&self, token: &str, found: Found, key: Arc<Key>) {
        let Some(Known { fingerprints, recent, entries }) = &self.known else { return };
        if let Some(fingerprint) = fingerprints.of(token.as_bytes()) {
            entries.insert(fingerprint, Entry { verified: Verified { found, key }, bytes: token.len() });
            recent.forget(fingerprint);
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
    fn a_token_with_one_bit_changed_or_one_byte_less_or_more_is_another() {
        let (cache, key) = cache();
        let token = "eyJhbGciOiJSUzI1NiJ9.".repeat(70);
        cache.put(&token, Found::Untimely(Box::new(Validity::always())), key);
        let is_known = |bytes: &[u8]| cache.get(bytes).is_some();
        assert!(is_known(token.as_bytes()));
        for at in 0..8 * token.len() {
            let mut other = token.clone().into_bytes();
            other[at / 8] ^= 1 << (at % 8);
            assert!(!is_known(&other), "{at}");
        }
        // GHASH pads its last block with zeros, and takes the length behind it.
        for end in ["\0", "\0\0\0\0\0\0\0\0\0\0", "x"] {
            assert!(!is_known((token.clone() + end).as_bytes()), "{end:?}");
        }
        assert!(!is_known(&token.as_bytes()[1..]) && !is_known(&token.as_bytes()[..token.len() - 1]) && !is_known(b""));
    }

    #[test]
    fn what_is_known_of_a_token_fits_a_place_for_the_tokens_asked_for_last() {
        assert_eq!(size_of::<Option<Verified>>(), size_of::<(&str, usize)>());
    }

    /// Whether a token asked for often, which is found without the cache behind, is found as a proof.
    fn recall((cache, _): &(TokenCache, Arc<Key>), token: &str) -> Option<bool> {
        let [_, _, found] = [(); 3].map(|()| cache.get(token.as_bytes()));
        found.map(|found| matches!(found, Found::Proof(_)))
    }

    #[test]
    fn a_token_asked_for_often_is_forgotten_and_replaced_as_any_other() {
        let kept = cache();
        let untimely = || Found::Untimely(Box::new(Validity::always()));
        kept.0.put("t", untimely(), Arc::clone(&kept.1));
        assert_eq!(recall(&kept, "t"), Some(false));
        let proof = Proof::of_application(Arc::default(), "app".to_owned());
        kept.0.put("t", Found::Proof(Arc::new(proof)), Arc::clone(&kept.1));
        assert_eq!(recall(&kept, "t"), Some(true), "it has become valid");
        kept.0.clear();
        assert_eq!(recall(&kept, "t"), None);
        kept.0.put("t", untimely(), Arc::clone(&kept.1));
        assert_eq!(recall(&kept, "t"), Some(false));
        kept.1.retire();
        assert_eq!(recall(&kept, "t"), None, "its key is no longer published");
    }

    #[test]
    fn each_cache_has_a_key_of_its_own() {
        let [one, other] = [Fingerprints::draw().unwrap(), Fingerprints::draw().unwrap()];
        assert_eq!(one.of(b"a.b.c"), one.of(b"a.b.c"));
        assert_ne!(one.of(b"a.b.c"), other.of(b"a.b.c"));
        assert_eq!(format!("{one:?}"), "Fingerprints");
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
