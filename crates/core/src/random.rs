//! Chance, injected: request ids, jitter and load balancing draw from a [`Random`] that tests can seed.
//!
//! Nothing secret comes from here; what must not be guessed is drawn from `aws-lc-rs` where it is needed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Where the bytes of a UUID stand in its text.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A source of numbers that are even, but not secret.
#[derive(Clone, Debug, Default)]
pub struct Random(Option<Arc<Mutex<fastrand::Rng>>>);

impl Random {
    /// Each thread's own generator, seeded by the system.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// The same numbers every time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)))))
    }

    /// A number below `bound`; 0 if `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.draw(|| fastrand::usize(..bound), |rng| rng.usize(..bound)) }
    }

    /// `duration`, up to a tenth shorter or longer, so that many gateways don't act in step.
    #[must_use]
    pub fn jitter(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.draw(fastrand::f64, fastrand::Rng::f64).mul_add(0.2, 0.9))
    }

    /// A random UUID (RFC 9562 version 4), in its hyphenated form.
    #[must_use]
    pub fn uuid(&self) -> String {
        self.uuid_ascii().map(char::from).into_iter().collect()
    }

    /// The same, as ASCII.
    #[must_use]
    pub fn uuid_ascii(&self) -> [u8; 36] {
        let bits = self.bits();
        let bits = bits & !(0xf << 76) | (4 << 76);
        let bits = bits & !(0x3 << 62) | (2 << 62);
        let mut text = [b'-'; 36];
        for (byte, at) in bits.to_be_bytes().into_iter().zip(PLACES) {
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
        }
        text
    }

    /// Random bits.
    #[must_use]
    pub fn bits(&self) -> u128 {
        self.draw(|| fastrand::u128(..), |rng| rng.u128(..))
    }

    fn draw<T>(&self, own: impl FnOnce() -> T, seeded: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        match &self.0 {
            None => own(),
            Some(rng) => seeded(&mut rng.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_their_version_and_differ() {
        let random = Random::seeded(1);
        let uuid = random.uuid();
        assert!(uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{uuid}");
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_ne!(uuid, random.uuid());
    }
}
