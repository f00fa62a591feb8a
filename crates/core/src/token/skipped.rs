//! What isn't used of a key set, and why. Whether anything is.

use std::fmt;

use serde_json::Value;

use super::KeyError;
use super::jwk::kid_text;

/// How many entries of a key set are looked at. Issuers publish a handful, Entra's common endpoint some dozens, and
/// some that have a key for each of their customers thousands.
pub const MAX_ENTRIES: usize = 20_000;

/// How many entries are told of. The others are only counted.
const MAX_TOLD: usize = 20;

/// The longest part of a `kid` that is told: it is a stranger's text.
const MAX_KID: usize = 64;

/// The entries of a key set that aren't used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    first: Vec<Entry>,
    count: usize,
    beyond: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Its place in the array, from 1.
    place: usize,
    kid: Option<String>,
    why: KeyError,
}

/// Why a document gives no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It isn't JSON.
    #[error("it is not JSON")]
    NotJson,
    /// It isn't a JWK Set.
    #[error("it is not a JSON object with one array `keys`")]
    NotAKeySet,
    /// It has no entries.
    #[error("it has no keys")]
    Empty,
    /// No entry is usable.
    #[error("it has no usable key: {0}")]
    Unusable(Skipped),
}

impl Skipped {
    pub(super) fn new(beyond: usize) -> Self {
        Self { first: Vec::new(), count: beyond, beyond }
    }

    pub(super) fn add(&mut self, at: usize, jwk: Option<&Value>, why: KeyError) {
        self.count += 1;
        if self.first.len() < MAX_TOLD {
            let kid = jwk.and_then(|jwk| kid_text(jwk.get("kid")?));
            let kid = kid.map(|kid| kid.chars().take(MAX_KID).collect());
            self.first.push(Entry { place: at + 1, kid, why });
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Why, a line for each of the first ones and one for the rest.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<_> = self.first.iter().map(Entry::to_string).collect();
        let untold = self.count - self.beyond - self.first.len();
        if untold > 0 {
            reasons.push(format!("{untold} more entries are not used"));
        }
        if self.beyond > 0 {
            reasons.push(format!("{} entries after the first {MAX_ENTRIES} are not read", self.beyond));
        }
        reasons
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons().join("; "))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            // The quoted form shows what a terminal would obey or hide.
            Some(kid) => write!(f, "entry {} (kid {kid:?}): {}", self.place, self.why),
            None => write!(f, "entry {}: {}", self.place, self.why),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_are_told_with_their_place_and_id_and_the_rest_are_counted() {
        let mut skipped = Skipped::new(5);
        skipped.add(0, None, KeyError::Type("use"));
        skipped.add(3, Some(&json!({"kid": "a\u{202e}\n"})), KeyError::Private("d"));
        for at in 4..30 {
            skipped.add(at, Some(&json!({"kid": at})), KeyError::Missing("n"));
        }
        let reasons = skipped.reasons();
        assert_eq!((skipped.count(), reasons.len()), (33, 22));
        assert_eq!(reasons[0], "entry 1: its use has the wrong JSON type");
        assert_eq!(reasons[1], r#"entry 4 (kid "a\u{202e}\n"): it contains d, a part of a private or symmetric key"#);
        assert_eq!(reasons[2], r#"entry 5 (kid "4"): its n is missing"#);
        assert_eq!(reasons[20..], ["8 more entries are not used", "5 entries after the first 20000 are not read"]);
    }
}
