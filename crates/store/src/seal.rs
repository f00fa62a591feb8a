//! Sealing: what leaves the process (a cookie, a secret in the store) can be neither read nor changed outside.
//!
//! AES-256-GCM-SIV (RFC 8452) with random nonces, which many replicas can draw under one key without a count of them.
//! Each purpose has keys of its own, derived by HKDF (RFC 5869) from the keys in the files and the store's epoch: bytes
//! sealed for one purpose, or beside another store, open nowhere else.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use crate::sealing_keys::SealingKeys;

const ID: usize = 4;
const NONCE: usize = 12;
const TAG: usize = 16;
const KEY: usize = 32;

/// How many bytes longer the sealed form is.
pub const OVERHEAD: usize = ID + NONCE + TAG;

/// Seals and opens for one purpose: the first key seals, all open.
///
/// The sealed form is the key's id (4 bytes), the nonce (12), and the ciphertext with its tag (16).
pub struct Sealer {
    keys: Vec<Key>,
}

struct Key {
    /// Derived like the key: it tells nothing of it.
    id: [u8; ID],
    key: RandomizedNonceKey,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Sealer {
    /// The sealer for a purpose, such as `session`, beside the store of this epoch.
    #[must_use]
    pub fn new(keys: &SealingKeys, purpose: &str, epoch: &[u8]) -> Self {
        Self { keys: keys.iter().filter_map(|key| Key::derive(key, purpose, epoch)).collect() }
    }

    /// Seals `plain`. It opens with the same `context` only, which tells what it is: a cookie's name, a row's id.
    ///
    /// The result is empty, and opens nowhere, if `plain` is longer than the cipher takes (2³⁶ bytes).
    #[must_use]
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.try_seal(context, plain).unwrap_or_default()
    }

    fn try_seal(&self, context: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let Key { id, key } = self.keys.first()?;
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(id);
        sealed.extend_from_slice(&[0; NONCE]);
        sealed.extend_from_slice(plain);
        let (head, body) = sealed.split_at_mut(ID + NONCE);
        let (nonce, tag) = key.seal_in_place_separate_tag(Aad::from(context), body).ok()?;
        head.get_mut(ID..)?.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// Opens what was sealed with the same `context`; `None` for everything else.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        // What is too short or has no key of ours costs no copy.
        self.key(sealed)?;
        let mut copy = sealed.to_vec();
        let length = self.open_in_place(context, &mut copy)?.len();
        copy.drain(..ID + NONCE);
        copy.truncate(length);
        Some(copy)
    }

    /// The same, in the bytes themselves, without an allocation. After `None`, they hold nothing of use.
    #[must_use]
    pub fn open_in_place<'a>(&self, context: &[u8], sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let key = self.key(sealed)?;
        let (head, body) = sealed.split_at_mut_checked(ID + NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(head.get(ID..)?).ok()?;
        key.open_in_place(nonce, Aad::from(context), body).ok().map(|plain| &mut *plain)
    }

    /// Whether the key that seals has sealed it, as far as the bytes say.
    pub(crate) fn is_first(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| sealed.starts_with(&key.id))
    }

    /// The names of the keys in their order. A name tells nothing of its key.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| shown(key.id)).collect()
    }

    /// The key that the bytes name, if they are long enough to have been sealed.
    fn key(&self, sealed: &[u8]) -> Option<&RandomizedNonceKey> {
        let id = sealed.first_chunk::<ID>().filter(|_| sealed.len() >= OVERHEAD)?;
        // Two keys with one id would open by turns; the chance is 2⁻³², and the second is only one on its way out.
        self.keys.iter().find(|key| key.id == *id).map(|key| &key.key)
    }
}

/// The name of the key that has sealed these bytes, whether it is known or not; empty if they are no sealed form.
pub(crate) fn id_of(sealed: &[u8]) -> String {
    sealed.first_chunk::<ID>().copied().map(shown).unwrap_or_default()
}

fn shown(id: [u8; ID]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// The length that HKDF is asked for: the key and its id.
struct Derived;

impl hkdf::KeyType for Derived {
    fn len(&self) -> usize {
        KEY + ID
    }
}

impl Key {
    fn derive(key: &[u8; KEY], purpose: &str, epoch: &[u8]) -> Option<Self> {
        let info = [b"mfa-gateway sealing 1: ".as_slice(), purpose.as_bytes()];
        let mut derived = Zeroizing::new([0; KEY + ID]);
        let source = hkdf::Salt::new(hkdf::HKDF_SHA256, epoch).extract(key);
        source.expand(&info, Derived).ok()?.fill(derived.as_mut_slice()).ok()?;
        let (key, id) = derived.split_first_chunk::<KEY>()?;
        Some(Self { id: *id.first_chunk()?, key: RandomizedNonceKey::new(&AES_256_GCM_SIV, key).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    const ONE: &[u8] = b"\x00key number one.................";
    const TWO: &[u8] = b"\x00key number two.................";

    fn keys(keys: &[&[u8]]) -> SealingKeys {
        SealingKeys::parse(keys.iter().map(|key| (Path::new("key"), *key))).unwrap()
    }

    fn sealer(purpose: &str, epoch: &[u8]) -> Sealer {
        Sealer::new(&keys(&[ONE]), purpose, epoch)
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_purpose_epoch_and_context_only() {
        let sealed = sealer("session", b"e").seal(b"context", b"plain");
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(sealer("session", b"e").open(b"context", &sealed).unwrap(), b"plain");
        assert!(sealer("session", b"e").open(b"other", &sealed).is_none());
        assert!(sealer("transaction", b"e").open(b"context", &sealed).is_none());
        assert!(sealer("session", b"f").open(b"context", &sealed).is_none());
        assert!(Sealer::new(&keys(&[TWO]), "session", b"e").open(b"context", &sealed).is_none());
        assert!(Sealer::new(&SealingKeys::random(), "session", b"e").open(b"context", &sealed).is_none());
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = sealer("session", b"").seal(b"", b"old");
        let both = Sealer::new(&keys(&[TWO, ONE]), "session", b"");
        assert_eq!(both.open(b"", &old).unwrap(), b"old");
        let new = both.seal(b"", b"new");
        assert_eq!(Sealer::new(&keys(&[TWO]), "session", b"").open(b"", &new).unwrap(), b"new");
        assert!(sealer("session", b"").open(b"", &new).is_none());
    }

    #[test]
    fn a_flipped_bit_opens_nothing() {
        let seals = sealer("session", b"e");
        let sealed = seals.seal(b"context", b"plain");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(seals.open(b"context", &flipped).is_none(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(seals.open(b"context", &sealed[..length]).is_none());
        }
    }

    #[test]
    fn nothing_plain_and_no_key_is_seen() {
        let seals = sealer("session", b"e");
        let (one, two) = (seals.seal(b"", &[7; 64]), seals.seal(b"", &[7; 64]));
        assert_ne!(one[ID..], two[ID..], "each has a nonce of its own");
        assert!(!one.windows(4).any(|part| part == [7; 4]));
        assert_eq!(format!("{seals:?}"), "Sealer { keys: 1, .. }");
    }

    proptest! {
        #[test]
        fn bytes_of_strangers_open_nothing(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let seals = sealer("session", b"e");
            prop_assert!(seals.open(b"context", &bytes).is_none());
            // With an id that is known, the cipher itself has to refuse.
            if let Some(id) = bytes.first_chunk_mut::<ID>() {
                *id = seals.keys[0].id;
            }
            prop_assert!(seals.open(b"context", &bytes).is_none());
            prop_assert!(seals.open_in_place(b"context", &mut bytes).is_none());
        }

        #[test]
        fn everything_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..200), context in any::<Vec<u8>>()) {
            let seals = sealer("session", b"e");
            let mut sealed = seals.seal(&context, &plain);
            prop_assert_eq!(&seals.open(&context, &sealed).unwrap(), &plain);
            prop_assert_eq!(seals.open_in_place(&context, &mut sealed).unwrap(), &plain);
        }
    }

    /// Prints what opening a cookie costs: `cargo nextest run -p mfa-gateway-store --release --run-ignored only cost`.
    #[test]
    #[ignore = "a measurement"]
    #[expect(clippy::print_stdout, reason = "its result")]
    fn the_cost_of_opening_a_cookie() {
        let seals = sealer("session", b"e");
        let sealed = seals.seal(b"context", &[7; 700]);
        let mut copy = sealed.clone();
        let start = Instant::now();
        for _ in 0..100_000 {
            copy.copy_from_slice(&sealed);
            assert!(seals.open_in_place(b"context", &mut copy).is_some());
        }
        println!("{:?} each", start.elapsed() / 100_000);
    }
}
