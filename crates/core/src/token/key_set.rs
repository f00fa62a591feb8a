//! The key set that an issuer publishes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::entries::{self, Entries};
use super::key::{Identity, identity};
use super::{Algorithm, Key, KeyError, KeyHint, KeySetError, MAX_ENTRIES, Skipped, TokenError};

/// How many keys may be tried for one token, and so how many of one kind may have the same `kid`: a forged token costs
/// so many signature checks at most. A rollover without names has two keys, three or four while it is overdue.
pub(super) const MAX_CANDIDATES: usize = 4;

/// The usable keys of an issuer at one moment. Immutable: a refresh makes another one.
#[derive(Debug, Default)]
pub struct KeySet {
    /// In the order in which they are published.
    keys: Vec<Arc<Key>>,
    /// The places of keys by what a token may name, and by what they are.
    by_kid: HashMap<String, Vec<usize>>,
    by_thumbprint: HashMap<Box<str>, Vec<usize>>,
    by_identity: HashMap<Identity, usize>,
    /// The first keys that fit each algorithm: one more than may be tried.
    few: [Vec<usize>; Algorithm::ALL.len()],
    skipped: Skipped,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 section 5). An entry that is unchanged since `previous` stays the same [`Key`].
    ///
    /// # Errors
    ///
    /// If the document isn't a JWK Set, or no entry of it is usable.
    pub fn parse(document: &[u8], previous: Option<&Self>) -> Result<Self, KeySetError> {
        // Bytes that aren't UTF-8 must only cost the entry that they stand in.
        let text = String::from_utf8_lossy(document);
        let damaged = matches!(text, Cow::Owned(_));
        // Some editors write a byte order mark, which RFC 8259 section 8.1 lets a reader ignore.
        let entries = Entries::find(text.strip_prefix('\u{feff}').unwrap_or(&text), MAX_ENTRIES)?;
        let mut set = Self { skipped: Skipped::new(entries.beyond), ..Self::default() };
        for (at, entry) in entries.first.into_iter().enumerate() {
            match entries::read(entry, damaged) {
                Ok(jwk) => {
                    if let Err(why) = set.add(&jwk, previous) {
                        set.skipped.add(at, Some(&jwk), why);
                    }
                }
                Err(why) => set.skipped.add(at, None, why),
            }
        }
        match (set.keys.is_empty(), set.skipped.count()) {
            (false, _) => Ok(set),
            (true, 0) => Err(KeySetError::Empty),
            (true, _) => Err(KeySetError::Unusable(set.skipped)),
        }
    }

    fn add(&mut self, jwk: &Value, previous: Option<&Self>) -> Result<(), KeyError> {
        let identity = identity(jwk);
        if self.by_identity.contains_key(&identity) {
            return Err(KeyError::Other("it repeats an earlier entry"));
        }
        let key = match previous.and_then(|set| set.same(&identity)) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Key::from_jwk(jwk)?),
        };
        let place = self.keys.len();
        let keys = &self.keys;
        let alike = |other: &&usize| keys.get(**other).is_some_and(|other| other.key_type == key.key_type);
        if let Some(kid) = key.kid() {
            let same_kid = self.by_kid.entry(kid.to_owned()).or_default();
            // One kid may name several keys (RFC 7517 section 4.5). Which of those of one kind is meant, only trying
            // tells.
            if same_kid.iter().filter(alike).count() == MAX_CANDIDATES {
                return Err(KeyError::Other("four earlier entries have the same kid and kty"));
            }
            same_kid.push(place);
        }
        for thumbprint in key.thumbprints.iter() {
            let same = self.by_thumbprint.entry(thumbprint.into()).or_default();
            // Further ones are found by their kid.
            if same.iter().filter(alike).count() < MAX_CANDIDATES {
                same.push(place);
            }
        }
        for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| key.fits(*algorithm)) {
            if let Some(few) = self.few.get_mut(algorithm.index()).filter(|few| few.len() <= MAX_CANDIDATES) {
                few.push(place);
            }
        }
        self.by_identity.insert(identity, place);
        self.keys.push(key);
        Ok(())
    }

    /// The key of an entry that says the same. A retired one never comes back: cached verifications of another time
    /// rest on it.
    fn same(&self, identity: &Identity) -> Option<&Arc<Key>> {
        self.keys.get(*self.by_identity.get(identity)?).filter(|key| !key.is_retired())
    }

    /// The keys that may have signed a token, in the order they are published, at most `MAX_CANDIDATES`.
    ///
    /// A token with a `kid` names its key, and no other is tried. Without one its thumbprints do. Else all that fit are
    /// tried, where they are few (OpenID Connect Core section 10.1 has a `kid` where there are several).
    ///
    /// # Errors
    ///
    /// [`TokenError::Algorithm`] if keys are there and are for other algorithms, [`TokenError::KeyUnnamed`] if too many
    /// fit, else [`TokenError::KeyUnknown`].
    pub fn find<'h>(&self, hint: impl Into<KeyHint<'h>>, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, TokenError> {
        let KeyHint { kid, thumbprints } = hint.into();
        let printed: Vec<usize>;
        let named: &[usize] = if let Some(kid) = kid {
            self.by_kid.get(kid).ok_or(TokenError::KeyUnknown)?
        } else {
            printed = thumbprints.iter().filter_map(|one| self.by_thumbprint.get(one)).flatten().copied().collect();
            &printed
        };
        let fitting = |places: &[usize]| {
            let mut keys: Vec<Arc<Key>> = Vec::new();
            for key in places.iter().filter_map(|place| self.keys.get(*place)) {
                let fits = key.fits(algorithm) && key.thumbprints.agree(&thumbprints);
                // With both thumbprints a key is found twice.
                if fits && keys.len() < MAX_CANDIDATES && !keys.iter().any(|other| Arc::ptr_eq(other, key)) {
                    keys.push(Arc::clone(key));
                }
            }
            keys
        };
        if !named.is_empty() {
            let keys = fitting(named);
            return if keys.is_empty() { Err(TokenError::Algorithm) } else { Ok(keys) };
        }
        let few = self.few.get(algorithm.index()).map_or(&[][..], Vec::as_slice);
        let unnamed = thumbprints.iter().next().is_none();
        if few.len() > MAX_CANDIDATES {
            return Err(if unnamed { TokenError::KeyUnnamed } else { TokenError::KeyUnknown });
        }
        let keys = fitting(few);
        if keys.is_empty() { Err(TokenError::KeyUnknown) } else { Ok(keys) }
    }

    /// All usable keys, in the order they are published.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter()
    }

    /// Whether this very key is in the set.
    pub fn holds(&self, key: &Arc<Key>) -> bool {
        self.same(&key.identity).is_some_and(|kept| Arc::ptr_eq(kept, key))
    }

    /// What isn't used of it, and why.
    #[must_use]
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
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
        assert_eq!(set.skipped().count(), 4);
        assert!(set.find(Some("e"), Algorithm::Es256).is_ok());
        assert!(set.find(Some("e"), Algorithm::Rs256).is_err());
        assert!(set.find(None, Algorithm::Es256).is_ok());
        assert!(set.find(Some("other"), Algorithm::Es256).is_err());
    }

    /// The places of the keys that a token may have been signed with.
    fn places<'h>(set: &KeySet, hint: impl Into<KeyHint<'h>>, algorithm: Algorithm) -> Result<Vec<usize>, TokenError> {
        let place = |key: &Arc<Key>| set.iter().position(|other| Arc::ptr_eq(key, other)).unwrap();
        set.find(hint, algorithm).map(|keys| keys.iter().map(place).collect())
    }

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), None).unwrap()
    }

    fn without(mut jwk: Value, name: &str) -> Value {
        jwk.as_object_mut().unwrap().remove(name);
        jwk
    }

    #[test]
    fn keys_with_one_kid_are_all_candidates_up_to_four_and_the_same_key_counts_once() {
        let rsa = |e: &str| rsa_jwk(2048, e);
        let pinned = with(rsa("Bw"), "alg", json!("PS256"));
        let elliptic = with(p256(), "kid", json!("r"));
        let set = set(&[rsa("AQAB"), rsa("AQAB"), pinned, elliptic, rsa("Aw"), rsa("BQ"), rsa("CQ"), rsa("AQAB")]);
        let places = |algorithm| places(&set, Some("r"), algorithm).unwrap();
        assert_eq!(places(Algorithm::Rs256), [0, 3, 4], "not the one pinned to PS256, and the fifth is too many");
        assert_eq!(places(Algorithm::Ps256), [0, 1, 3, 4]);
        assert_eq!(places(Algorithm::Es256), [2]);
        assert_eq!(set.skipped().count(), 3);
    }

    #[test]
    fn without_a_name_the_few_that_fit_are_tried_and_many_are_not() {
        let exponents = ["AQAB", "Aw", "BQ", "Bw", "CQ"];
        let keys = exponents.map(|e| without(rsa_jwk(2048, e), "kid"));
        for count in 1..=4 {
            let mut some = keys[..count].to_vec();
            some.push(with(p256(), "kid", json!("e")));
            let set = set(&some);
            assert_eq!(places(&set, None, Algorithm::Rs256), Ok((0..count).collect()));
            assert_eq!(places(&set, None, Algorithm::Es256), Ok(vec![count]), "it needn't be the only key");
            assert_eq!(places(&set, None, Algorithm::Es384), Err(TokenError::KeyUnknown));
            assert_eq!(places(&set, Some("r"), Algorithm::Rs256), Err(TokenError::KeyUnknown), "a name is a name");
        }
        assert_eq!(places(&set(&keys), None, Algorithm::Rs256), Err(TokenError::KeyUnnamed));
        assert_eq!(places(&set(&keys), None, Algorithm::Es256), Err(TokenError::KeyUnknown));
    }

    #[test]
    fn a_thumbprint_names_a_key_where_there_is_no_kid() {
        let key = |e: &str, x5t: &str| with(rsa_jwk(2048, e), "x5t", json!(x5t));
        let many: Vec<_> = ["AQAB", "Aw", "BQ", "Bw", "CQ"].iter().map(|e| key(e, &format!("+{e}/="))).collect();
        let (two, many) = (set(&many[..2]), set(&many));
        let by = |sha1, sha256| KeyHint::new(None, sha1, sha256);
        for set in [&two, &many] {
            assert_eq!(places(set, by(Some("-AQAB_"), None), Algorithm::Rs256), Ok(vec![0]));
            assert_eq!(places(set, by(Some("+Aw/="), Some("s")), Algorithm::Rs256), Ok(vec![1]));
            assert_eq!(places(set, by(Some("new"), None), Algorithm::Rs256), Err(TokenError::KeyUnknown));
            assert_eq!(places(set, by(Some("-AQAB_"), None), Algorithm::Es256), Err(TokenError::Algorithm));
        }
        // A key without a thumbprint may be the one, and a kid comes before it.
        assert_eq!(places(&set(&[rsa_jwk(2048, "Aw")]), by(Some("new"), None), Algorithm::Rs256), Ok(vec![0]));
        let hint = KeyHint::new(Some("x"), Some("-AQAB_"), None);
        assert_eq!(places(&two, hint, Algorithm::Rs256), Err(TokenError::KeyUnknown));
        let alike: Vec<_> = (0..9).map(|at| with(key("AQAB", "a"), "kid", json!(at))).collect();
        assert_eq!(
            places(&set(&alike), by(Some("a"), None), Algorithm::Rs256),
            Ok(vec![0, 1, 2, 3]),
            "no more are tried"
        );
        let both = with(key("AQAB", "a"), "x5t#S256", json!("b"));
        let other = with(key("Aw", "a"), "x5t#S256", json!("c"));
        assert_eq!(places(&set(&[both, other]), by(Some("a"), Some("b")), Algorithm::Rs256), Ok(vec![0]));
    }

    #[test]
    fn ten_thousand_keys_are_used_and_entries_beyond_the_limit_are_counted() {
        let key = |kid: usize| with(p256(), "kid", json!(kid.to_string()));
        let keys: Vec<_> = (0..10_000).map(key).collect();
        let many = set(&keys);
        assert_eq!((many.iter().count(), many.skipped().count()), (10_000, 0));
        assert_eq!(places(&many, Some("9999"), Algorithm::Es256), Ok(vec![9999]));
        let beyond = vec!["1"; MAX_ENTRIES].join(",");
        let document = format!(r#"{{"keys":[{},{beyond}]}}"#, p256());
        let set = KeySet::parse(document.as_bytes(), None).unwrap();
        assert_eq!((set.iter().count(), set.skipped().count()), (1, MAX_ENTRIES));
        assert_eq!(set.skipped().reasons().last().unwrap(), "1 entries after the first 20000 are not read");
    }

    #[test]
    fn what_keeps_a_set_from_being_used_is_told() {
        let told = |document: &str| KeySet::parse(document.as_bytes(), None).unwrap_err().to_string();
        assert_eq!(told("<html>"), "it is not JSON");
        assert_eq!(told("[]"), "it is not a JSON object with one array `keys`");
        assert_eq!(told(r#"{"keys":[],"keys":[]}"#), "it is not a JSON object with one array `keys`");
        assert_eq!(told(r#"{"keys":[]}"#), "it has no keys");
        let symmetric = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0"});
        let for_encryption = with(with(p256(), "kid", json!("k2")), "use", json!("enc"));
        assert_eq!(
            told(&json!({"keys": [symmetric, for_encryption]}).to_string()),
            "it has no usable key: entry 1 (kid \"k1\"): it contains k, a part of a private or symmetric key; \
             entry 2 (kid \"k2\"): its use is not sig"
        );
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
            let one = |set: &KeySet| set.find(Some(kid), algorithm).unwrap().remove(0);
            Arc::ptr_eq(&one(&first), &one(&second))
        };
        assert!(same("e", Algorithm::Es256));
        assert!(!same("r", Algorithm::Rs256));
    }

    #[test]
    fn a_key_pinned_to_one_algorithm_fits_no_other() {
        let set = |jwk: Value| set(&[jwk]);
        let open = set(rsa_jwk(2048, "AQAB"));
        assert!(open.find(Some("r"), Algorithm::Ps512).is_ok());
        let pinned = set(with(rsa_jwk(2048, "AQAB"), "alg", json!("RS256")));
        assert!(pinned.find(Some("r"), Algorithm::Rs256).is_ok());
        assert!(pinned.find(Some("r"), Algorithm::Ps256).is_err());
    }
}
