//! The DPoP proofs that came before: each may come once (RFC 9449 section 11.1).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{DpopError, DpopProof};

/// How many parts the memory has. A key's proofs are all in one, so that its owner can't fill the others.
const PARTS: usize = 16;

/// Which share of its part the proofs of one key may take, so that its owner can't fill it for the others.
const SHARE: usize = 4;

/// How many groups of keys are counted apart.
const GROUPS: usize = 256;

/// The time for which proofs are forgotten together, in seconds.
const SLOT: i64 = 8;

/// The proofs that came within their window. It is the process's: a reload forgets nothing.
#[derive(Debug, Default)]
pub struct SeenProofs {
    parts: [Mutex<Part>; PARTS],
}

/// The proofs of some keys, by the slot of time in which they may be forgotten.
#[derive(Debug, Default)]
struct Part {
    slots: BTreeMap<i64, Slot>,
}

/// The proofs that are forgotten together.
#[derive(Debug)]
struct Slot {
    proofs: HashSet<[u8; 16], RandomState>,
    /// How many are of each group of keys.
    of_groups: Box<[u32; GROUPS]>,
}

impl Default for Slot {
    fn default() -> Self {
        Self { proofs: HashSet::default(), of_groups: Box::new([0; GROUPS]) }
    }
}

impl Part {
    fn has(&self, proof: &DpopProof) -> bool {
        self.slots.values().any(|slot| slot.proofs.contains(&proof.id))
    }

    fn len(&self) -> usize {
        self.slots.values().map(|slot| slot.proofs.len()).sum()
    }

    /// How many there are of a key, and of those that are counted with it.
    fn of_group(&self, group: usize) -> usize {
        self.slots.values().filter_map(|slot| slot.of_groups.get(group)).map(|&count| count as usize).sum()
    }
}

impl SeenProofs {
    /// Remembers a proof until it is too old to be accepted anyway. At most about `most` are remembered at once.
    ///
    /// # Errors
    ///
    /// If it came before, or if there is no room: a proof that isn't remembered could come again.
    pub fn note(&self, proof: &DpopProof, until: Timestamp, now: Timestamp, most: usize) -> Result<(), DpopError> {
        let Some(part) = self.parts.get(Self::place(proof)) else { return Err(DpopError::Full) };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let current = now.as_secs().div_euclid(SLOT);
        part.slots = part.slots.split_off(&current);
        if part.has(proof) {
            return Err(DpopError::Replayed);
        }
        let (of_part, group) = (most.div_ceil(PARTS), Self::group(proof));
        if part.len() >= of_part || part.of_group(group) >= of_part.div_ceil(SHARE) {
            return Err(DpopError::Full);
        }
        let slot = part.slots.entry(until.as_secs().div_euclid(SLOT)).or_default();
        slot.proofs.insert(proof.id);
        if let Some(count) = slot.of_groups.get_mut(group) {
            *count += 1;
        }
        Ok(())
    }

    /// Whether a proof came before. It isn't remembered for that.
    #[must_use]
    pub fn has(&self, proof: &DpopProof) -> bool {
        let part = self.parts.get(Self::place(proof)).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        part.is_some_and(|part| part.has(proof))
    }

    fn place(proof: &DpopProof) -> usize {
        proof.key.octets().first().map_or(0, |&octet| usize::from(octet) % PARTS)
    }

    fn group(proof: &DpopProof) -> usize {
        proof.key.octets().get(1).map_or(0, |&octet| usize::from(octet))
    }

    /// How many proofs are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_core::token::Thumbprint;

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const WINDOW: i64 = 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(NOW + seconds)
    }

    fn proof(key: u8, id: u32, made: i64) -> DpopProof {
        let mut bytes = [key; 16];
        bytes[..4].copy_from_slice(&id.to_be_bytes());
        DpopProof { key: Thumbprint::of_certificate(&[key]), id: bytes, issued_at: at(made), nonce: None }
    }

    fn note(seen: &SeenProofs, proof: &DpopProof, now: i64, most: usize) -> Result<(), DpopError> {
        seen.note(proof, Timestamp::from_secs(proof.issued_at.as_secs() + WINDOW), at(now), most)
    }

    #[test]
    fn a_proof_comes_once_for_as_long_as_it_would_be_accepted() {
        let seen = SeenProofs::default();
        for made in [-WINDOW, -1, 0, 7, WINDOW] {
            let proof = proof(1, u32::try_from(made + 100).unwrap(), made);
            assert_eq!(note(&seen, &proof, 0, 1000), Ok(()));
            for now in [0, made + WINDOW / 2, made + WINDOW] {
                assert_eq!(note(&seen, &proof, now.max(0), 1000), Err(DpopError::Replayed), "{made} {now}");
            }
        }
        assert_eq!(note(&seen, &proof(1, 1, 2 * WINDOW + SLOT), 2 * WINDOW + SLOT, 1000), Ok(()));
        assert_eq!(seen.len(), 1, "the others are forgotten");
        let other = proof(1, 2, 2 * WINDOW + SLOT);
        assert!(seen.has(&proof(1, 1, 2 * WINDOW + SLOT)) && !seen.has(&other));
        assert_eq!((seen.len(), note(&seen, &other, 2 * WINDOW + SLOT, 1000)), (1, Ok(())), "a look remembers nothing");
    }

    /// Keys of one part that are counted apart.
    fn neighbours() -> Vec<u8> {
        let place = |key: u8| SeenProofs::place(&proof(key, 0, 0));
        let mut groups = HashSet::new();
        (1..=255).filter(|&key| place(key) == place(1) && groups.insert(SeenProofs::group(&proof(key, 0, 0)))).collect()
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let (seen, keys, most) = (SeenProofs::default(), neighbours(), 8 * PARTS);
        for (at, &key) in keys.iter().take(4).enumerate() {
            for id in 0..2 {
                assert_eq!(note(&seen, &proof(key, id, 0), 0, most), Ok(()), "{at} {id}");
            }
        }
        assert_eq!(note(&seen, &proof(keys[4], 0, 0), 0, most), Err(DpopError::Full));
        assert_eq!(note(&seen, &proof(keys[0], 0, 0), 0, most), Err(DpopError::Replayed));
        let other = (2..=255).find(|&key| SeenProofs::place(&proof(key, 0, 0)) != SeenProofs::place(&proof(1, 0, 0)));
        assert_eq!(note(&seen, &proof(other.unwrap(), 10, 0), 0, most), Ok(()), "another part has room");
        assert_eq!(note(&seen, &proof(1, 10, WINDOW + SLOT), WINDOW + SLOT, most), Ok(()), "time makes room");
    }

    #[test]
    fn one_key_takes_no_room_from_another() {
        let (seen, keys, most) = (SeenProofs::default(), neighbours(), 100 * PARTS);
        let greedy = (0..1000).filter(|&id| note(&seen, &proof(keys[0], id, 0), 0, most).is_ok()).count();
        assert_eq!(greedy, 25);
        let modest = (0..20).filter(|&id| note(&seen, &proof(keys[1], id, 0), 0, most).is_ok()).count();
        assert_eq!(modest, 20);
        assert_eq!(note(&seen, &proof(keys[0], 2000, WINDOW + SLOT), WINDOW + SLOT, most), Ok(()), "time makes room");
    }

    #[test]
    fn of_many_at_once_one_is_first() {
        let seen = SeenProofs::default();
        let first = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| note(&seen, &proof(1, 1, 0), 0, 100).is_ok())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&first| first).count()
        });
        assert_eq!(first, 1);
    }
}
