//! The DPoP proofs that came before: each may come once (RFC 9449 section 11.1).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{DpopError, DpopProof};

/// How many parts the memory has. A key's proofs are all in one, so that its owner can't fill the others.
const PARTS: usize = 16;

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
    slots: BTreeMap<i64, HashSet<[u8; 16], RandomState>>,
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
        if part.slots.values().any(|slot| slot.contains(&proof.id)) {
            return Err(DpopError::Replayed);
        }
        if part.slots.values().map(HashSet::len).sum::<usize>() >= most.div_ceil(PARTS) {
            return Err(DpopError::Full);
        }
        part.slots.entry(until.as_secs().div_euclid(SLOT)).or_default().insert(proof.id);
        Ok(())
    }

    /// Whether a proof came before. It isn't remembered for that.
    #[must_use]
    pub fn has(&self, proof: &DpopProof) -> bool {
        let part = self.parts.get(Self::place(proof)).map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        part.is_some_and(|part| part.slots.values().any(|slot| slot.contains(&proof.id)))
    }

    fn place(proof: &DpopProof) -> usize {
        proof.key.octets().first().map_or(0, |&octet| usize::from(octet) % PARTS)
    }

    /// How many proofs are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        let len = |part: &Mutex<Part>| {
            part.lock().unwrap_or_else(PoisonError::into_inner).slots.values().map(HashSet::len).sum::<usize>()
        };
        self.parts.iter().map(len).sum()
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

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let seen = SeenProofs::default();
        let most = 10 * PARTS;
        for id in 0..10 {
            assert_eq!(note(&seen, &proof(1, id, 0), 0, most), Ok(()));
        }
        assert_eq!(note(&seen, &proof(1, 10, 0), 0, most), Err(DpopError::Full));
        assert_eq!(note(&seen, &proof(1, 0, 0), 0, most), Err(DpopError::Replayed));
        let other = (2..=255).find(|key| proof(*key, 0, 0).key.octets()[0] % 16 != proof(1, 0, 0).key.octets()[0] % 16);
        assert_eq!(note(&seen, &proof(other.unwrap(), 10, 0), 0, most), Ok(()), "another key has room");
        assert_eq!(note(&seen, &proof(1, 10, WINDOW + SLOT), WINDOW + SLOT, most), Ok(()), "time makes room");
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
