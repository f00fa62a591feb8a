//! The nonces that DPoP proofs may have to hold (RFC 9449 sections 8 and 9): a proof with one was made a short time ago.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;

/// Nonces of a time. Nothing is stored of them: a nonce is a time, authenticated with a key, so that all replicas with the
/// same key make the same.
#[derive(Clone)]
pub struct DpopNonces {
    /// The first makes nonces, all accept them.
    keys: Vec<Key>,
    lifetime: Duration,
}

/// The length of a nonce, in bytes before its encoding.
const LENGTH: usize = 16;

/// The names of the derived key and of what is authenticated with it.
const KEY: &[u8] = b"mfa-gateway: the key of DPoP nonces";
const NONCE: &[u8] = b"DPoP nonce";

impl DpopNonces {
    /// Nonces of these secrets, which may have another use as well. Each nonce is the current one for a lifetime, and accepted
    /// for another one.
    #[must_use]
    pub fn new<'k>(secrets: impl IntoIterator<Item = &'k [u8; 32]>, lifetime: Duration) -> Self {
        let derived = |secret: &[u8; 32]| Key::new(HMAC_SHA256, sign(&Key::new(HMAC_SHA256, secret), KEY).as_ref());
        Self { keys: secrets.into_iter().map(derived).collect(), lifetime }
    }

    /// The nonce for new proofs.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> String {
        self.keys.first().map(|key| made(key, self.slot(now))).unwrap_or_default()
    }

    /// Whether this is the nonce for new proofs.
    #[must_use]
    pub fn is_current(&self, nonce: &str, now: Timestamp) -> bool {
        self.keys.first().is_some_and(|key| is(key, self.slot(now), nonce))
    }

    /// Whether a proof with this nonce is new: it is the current one or the one before, or the next one, of a replica whose
    /// clock is a little ahead.
    #[must_use]
    pub fn accepts(&self, nonce: &str, now: Timestamp) -> bool {
        let slot = self.slot(now);
        let near = [slot, slot.saturating_sub(1), slot.saturating_add(1)];
        self.keys.iter().any(|key| near.iter().any(|slot| is(key, *slot, nonce)))
    }

    fn slot(&self, now: Timestamp) -> i64 {
        now.as_secs().div_euclid(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX).max(1))
    }
}

impl std::fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DpopNonces").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Compares in a time that tells nothing of how much is right.
fn is(key: &Key, slot: i64, nonce: &str) -> bool {
    verify_slices_are_equal(made(key, slot).as_bytes(), nonce.as_bytes()).is_ok()
}

fn made(key: &Key, slot: i64) -> String {
    let tag = sign(key, &[NONCE, &slot.to_be_bytes()].concat());
    URL_SAFE_NO_PAD.encode(tag.as_ref().get(..LENGTH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(300);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_100 + seconds)
    }

    #[test]
    fn a_nonce_is_accepted_while_it_is_current_and_once_as_long_after_that() {
        let nonces = DpopNonces::new(&[[7; 32]], LIFETIME);
        let first = nonces.current(at(0));
        assert_eq!((first.len(), nonces.current(at(299)), nonces.accepts(&first, at(599))), (22, first.clone(), true));
        assert!(
            nonces.is_current(&first, at(299)) && !nonces.is_current(&first, at(300)),
            "a response gives the next one"
        );
        assert!(
            nonces.current(at(300)) != first && !nonces.accepts(&first, at(600)) && !nonces.accepts(&first, at(-301))
        );
        assert!(nonces.accepts(&nonces.current(at(300)), at(299)), "of a replica whose clock is ahead");
        for other in ["", "x", &first[1..], &format!("{first}="), &first.to_ascii_lowercase()] {
            assert!(!nonces.accepts(other, at(0)), "{other}");
        }
    }

    #[test]
    fn replicas_with_a_key_in_common_agree_and_others_do_not() {
        let (old, new, both) = ([1; 32], [2; 32], [[2; 32], [1; 32]]);
        let of = |keys: &[[u8; 32]]| DpopNonces::new(keys, LIFETIME);
        assert!(of(&both).accepts(&of(&[old]).current(at(0)), at(0)));
        assert_eq!(of(&both).current(at(0)), of(&[new]).current(at(0)));
        assert!(!of(&[old]).accepts(&of(&[new]).current(at(0)), at(0)));
        assert!(!of(&[]).accepts("", at(0)) && of(&[]).current(at(0)).is_empty());
    }
}
