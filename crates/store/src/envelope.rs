//! Sealing of what must outlive the keys that seal it: each record has a key of its own, and only that is sealed by the
//! keys in files. So a new key in the files costs one small write for each record, and no record is ever read for it.

use std::fmt;

use zeroize::Zeroizing;

use crate::random;
use crate::seal::{self, Sealer};
use crate::sealing_keys::SealingKeys;

const KEY: usize = 32;

/// What a record's own key seals for.
const PURPOSE: &str = "record";

/// A sealed record: its own key, sealed, and the record that this key seals.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The record's key, sealed by one of the keys in files.
    pub data_key: Vec<u8>,
    /// The record.
    pub secret: Vec<u8>,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").field("bytes", &self.secret.len()).finish_non_exhaustive()
    }
}

impl Envelope {
    /// Seals `plain` with a new key. It opens with the same `context` only, which tells what it is.
    #[must_use]
    pub fn seal(keys: &Sealer, context: &[u8], plain: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; KEY]);
        random::fill(key.as_mut_slice());
        let secret = of(&key).seal(context, plain);
        Self { data_key: keys.seal(context, key.as_slice()), secret }
    }

    /// Opens it; `None` if none of the keys sealed it, or not with this context.
    #[must_use]
    pub fn open(&self, keys: &Sealer, context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = Zeroizing::new(keys.open(context, &self.data_key)?);
        of(key.first_chunk().filter(|_| key.len() == KEY)?).open(context, &self.secret).map(Zeroizing::new)
    }

    /// Whether the first of the keys has sealed it.
    #[must_use]
    pub fn is_current(&self, keys: &Sealer) -> bool {
        keys.is_first(&self.data_key)
    }

    /// The name of the key that has sealed it, as [`Sealer::ids`] has it; empty if there is nothing sealed.
    #[must_use]
    pub fn key_id(&self) -> String {
        seal::id_of(&self.data_key)
    }

    /// The record's key, sealed by the first of the keys; `None` if none of them opens it.
    #[must_use]
    pub fn rewrapped(&self, keys: &Sealer, context: &[u8]) -> Option<Vec<u8>> {
        let key = Zeroizing::new(keys.open(context, &self.data_key)?);
        Some(keys.seal(context, &key))
    }
}

/// The sealer of a record's own key.
fn of(key: &[u8; KEY]) -> Sealer {
    Sealer::new(&SealingKeys::one(key), PURPOSE, &[])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn keys(names: &[u8]) -> Sealer {
        let contents: Vec<_> =
            names.iter().map(|name| (*name, [b"\0key of a file, number ".as_slice(), &[*name; 9]].concat())).collect();
        let files = contents.iter().map(|(_, content)| (Path::new("key"), content.as_slice()));
        Sealer::new(&SealingKeys::parse(files).unwrap(), "consent", b"")
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_key_and_context_alone(plain: Vec<u8>, context: Vec<u8>, other: Vec<u8>) {
            let envelope = Envelope::seal(&keys(b"1"), &context, &plain);
            let opened = |names: &[u8], context: &[u8]| envelope.open(&keys(names), context).map(|plain| plain.to_vec());
            prop_assert_eq!(opened(b"1", &context), Some(plain.clone()));
            prop_assert_eq!(opened(b"21", &context), Some(plain));
            prop_assert_eq!(opened(b"2", &context), None);
            prop_assert_eq!(opened(b"1", &other).is_some(), context == other);
        }

        #[test]
        fn a_changed_byte_opens_nowhere(at in 0..200_usize, bit in 0..8_u32) {
            let mut envelope = Envelope::seal(&keys(b"1"), b"c", b"a refresh token");
            let keys_length = envelope.data_key.len();
            let length = keys_length + envelope.secret.len();
            let at = at % length;
            let byte = if at < keys_length { &mut envelope.data_key[at] } else { &mut envelope.secret[at - keys_length] };
            *byte ^= 1_u8 << bit;
            prop_assert_eq!(envelope.open(&keys(b"1"), b"c"), None);
        }
    }

    #[test]
    fn a_new_key_takes_over_and_the_old_one_may_go() {
        let mut envelope = Envelope::seal(&keys(b"1"), b"c", b"a refresh token");
        assert!(envelope.is_current(&keys(b"12")) && !envelope.is_current(&keys(b"21")));
        let secret = envelope.secret.clone();
        envelope.data_key = envelope.rewrapped(&keys(b"21"), b"c").unwrap();
        assert!(envelope.is_current(&keys(b"21")) && envelope.secret == secret);
        assert_eq!(envelope.open(&keys(b"2"), b"c").unwrap().as_slice(), b"a refresh token");
        assert_eq!(envelope.open(&keys(b"1"), b"c"), None);
        assert_eq!(envelope.rewrapped(&keys(b"1"), b"c"), None);
        // What names the missing key stands in the record.
        assert_eq!(keys(b"12").ids()[1], envelope.key_id());
        assert!(!keys(b"1").ids().contains(&envelope.key_id()));
        assert_eq!(Envelope::default().key_id(), "");
    }

    #[test]
    fn two_records_share_no_key_and_none_is_shown() {
        let [one, two] = [(); 2].map(|()| Envelope::seal(&keys(b"1"), b"c", b"a refresh token"));
        assert_eq!(Envelope { data_key: two.data_key, ..one.clone() }.open(&keys(b"1"), b"c"), None);
        assert!(!format!("{one:?}").contains("data_key"));
        let key = keys(b"1").open(b"c", &one.data_key).unwrap();
        assert!(![one.data_key, one.secret].iter().any(|stored| stored.windows(KEY).any(|part| part == key)));
    }
}
