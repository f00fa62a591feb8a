//! The key set that an issuer publishes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Algorithm, Key, KeyError, TokenError};

/// How many entries of a key set are looked at. Issuers publish a handful, Entra's common endpoint some dozens.
const MAX_ENTRIES: usize = 1000;

/// The usable keys of an issuer at one moment. Immutable: a refresh makes another one.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: HashMap<String, Vec<Arc<Key>>>,
    skipped: Vec<KeyError>,
    /// How many entries were beyond the bound.
    beyond: usize,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 section 5). An entry that is unchanged since `previous` stays the same [`Key`].
    ///
    /// # Errors
    ///
    /// If the document isn't a JWK Set, or no entry of it is usable.
    pub fn parse(document: &[u8], previous: Option<&Self>) -> Result<Self, KeyError> {
        let document: Value = serde_json::from_slice(document).map_err(|_| KeyError("it is not JSON"))?;
        let entries = document.get("keys").and_then(Value::as_array).ok_or(KeyError("it has no array `keys`"))?;
        let mut set = Self { beyond: entries.len().saturating_sub(MAX_ENTRIES), ..Self::default() };
        for entry in entries.iter().take(MAX_ENTRIES) {
            match set.add(entry, previous) {
                Ok(()) => {}
                Err(error) => set.skipped.push(error),
            }
        }
        if set.keys.is_empty() { Err(KeyError("it has no usable key")) } else { Ok(set) }
    }

    fn add(&mut self, jwk: &Value, previous: Option<&Self>) -> Result<(), KeyError> {
        let known = jwk.get("kid").and_then(Value::as_str).zip(previous).and_then(|(kid, set)| set.keys.get(kid));
        // A retired key never comes back: cached verifications of another time rest on it.
        let unchanged = |key: &&Arc<Key>| key.jwk == *jwk && !key.is_retired();
        let key = match known.and_then(|keys| keys.iter().find(unchanged)) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Key::from_jwk(jwk)?),
        };
        let same_kid = self.keys.entry(key.kid.clone()).or_default();
        // One kid may name keys of different kinds (RFC 7517 section 4.5), but which of two alike is meant can't be known.
        if same_kid.iter().any(|other| other.key_type == key.key_type) {
            return Err(KeyError("an earlier entry has the same kid and kty"));
        }
        same_kid.push(key);
        Ok(())
    }

    /// The key for a token. Without a `kid` there must be exactly one that fits (OpenID Connect Core section 10.1).
    ///
    /// # Errors
    ///
    /// [`TokenError::Algorithm`] if the key is there and is for other algorithms, else [`TokenError::KeyUnknown`].
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, TokenError> {
        if let Some(kid) = kid {
            let keys = self.keys.get(kid).ok_or(TokenError::KeyUnknown)?;
            return keys.iter().find(|key| key.fits(algorithm)).cloned().ok_or(TokenError::Algorithm);
        }
        let mut fitting = self.iter().filter(|key| key.fits(algorithm));
        fitting.next().filter(|_| fitting.next().is_none()).cloned().ok_or(TokenError::KeyUnknown)
    }

    /// All usable keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values().flatten()
    }

    /// Whether this very key is in the set.
    pub(crate) fn holds(&self, key: &Arc<Key>) -> bool {
        self.keys.get(&key.kid).is_some_and(|keys| keys.iter().any(|kept| Arc::ptr_eq(kept, key)))
    }

    /// Why entries were skipped, one reason per entry that was looked at.
    #[must_use]
    pub fn skipped(&self) -> &[KeyError] {
        &self.skipped
    }

    /// How many entries were skipped.
    #[must_use]
    pub fn skipped_count(&self) -> usize {
        self.skipped.len() + self.beyond
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn rsa_jwk(bits: usize, e: &str) -> Value {
        let mut n = vec![0xff; bits / 8];
        n[0] = 0x80;
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(n), "e": e})
    }

    fn p256() -> Value {
        // The example of RFC 7517 appendix A.1.
        json!({"kty": "EC", "crv": "P-256", "kid": "e",
               "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
               "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    #[test]
    fn one_bad_entry_does_not_disable_the_others() {
        let document =
            json!({"keys": [1, {"kty": "oct", "k": "AA", "kid": "h"}, p256(), rsa_jwk(1024, "AQAB"), p256()]});
        let set = KeySet::parse(document.to_string().as_bytes(), None).unwrap();
        assert_eq!(set.iter().count(), 1);
        assert_eq!(set.skipped().len(), 4);
        assert!(set.find(Some("e"), Algorithm::Es256).is_ok());
        assert!(set.find(Some("e"), Algorithm::Rs256).is_err());
        assert!(set.find(None, Algorithm::Es256).is_ok());
        assert!(set.find(Some("other"), Algorithm::Es256).is_err());
    }

    #[test]
    fn entries_beyond_a_thousand_are_skipped_and_counted() {
        let key = |kid: usize| with(p256(), "kid", json!(kid.to_string()));
        let document = json!({"keys": (0..1010).map(key).collect::<Vec<_>>()});
        let set = KeySet::parse(document.to_string().as_bytes(), None).unwrap();
        assert_eq!((set.iter().count(), set.skipped_count()), (1000, 10));
    }

    #[test]
    fn a_retired_key_never_comes_back() {
        let document = json!({"keys": [p256()]}).to_string();
        let first = KeySet::parse(document.as_bytes(), None).unwrap();
        first.iter().for_each(|key| key.retire());
        let second = KeySet::parse(document.as_bytes(), Some(&first)).unwrap();
        assert!(second.iter().all(|key| !key.is_retired()));
    }

    #[test]
    fn an_unchanged_key_stays_and_a_replaced_one_does_not() {
        let document = json!({"keys": [p256(), rsa_jwk(2048, "AQAB")]}).to_string();
        let first = KeySet::parse(document.as_bytes(), None).unwrap();
        let second = KeySet::parse(document.replace("AQAB", "Aw").as_bytes(), Some(&first)).unwrap();
        let same = |kid, algorithm| {
            Arc::ptr_eq(&first.find(Some(kid), algorithm).unwrap(), &second.find(Some(kid), algorithm).unwrap())
        };
        assert!(same("e", Algorithm::Es256));
        assert!(!same("r", Algorithm::Rs256));
    }

    #[test]
    fn a_key_pinned_to_one_algorithm_fits_no_other() {
        let set = |jwk: Value| KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes(), None).unwrap();
        let open = set(rsa_jwk(2048, "AQAB"));
        assert!(open.find(Some("r"), Algorithm::Ps512).is_ok());
        let pinned = set(with(rsa_jwk(2048, "AQAB"), "alg", json!("RS256")));
        assert!(pinned.find(Some("r"), Algorithm::Rs256).is_ok());
        assert!(pinned.find(Some("r"), Algorithm::Ps256).is_err());
    }
}
