//! The key set that an issuer publishes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Algorithm, Key, KeyError, TokenError, json};

/// How many entries of a key set are looked at. Issuers publish a handful, Entra's common endpoint some dozens.
const MAX_ENTRIES: usize = 1000;

/// How many keys of one kind may have the same `kid`. A token costs so many signature checks at most.
pub(super) const MAX_CANDIDATES: usize = 3;

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
        // Bytes that aren't UTF-8 must only cost the entry that they stand in.
        let text = String::from_utf8_lossy(document);
        let damaged = matches!(text, Cow::Owned(_));
        let entries = entries(&text)?;
        let mut set = Self { beyond: entries.len().saturating_sub(MAX_ENTRIES), ..Self::default() };
        for entry in entries.into_iter().take(MAX_ENTRIES) {
            if let Err(error) = read_entry(entry, damaged).and_then(|jwk| set.add(&jwk, previous)) {
                set.skipped.push(error);
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
        if same_kid.iter().any(|other| other.jwk == key.jwk) {
            return Err(KeyError("it repeats an earlier entry"));
        }
        // One kid may name several keys (RFC 7517 section 4.5). Which of those of one kind is meant, only trying tells.
        if same_kid.iter().filter(|other| other.key_type == key.key_type).count() == MAX_CANDIDATES {
            return Err(KeyError("three earlier entries have the same kid and kty"));
        }
        same_kid.push(key);
        Ok(())
    }

    /// The keys that may have signed a token, in the order they are published: those with its `kid`, at most
    /// `MAX_CANDIDATES`. Without a `kid` there must be exactly one that fits (OpenID Connect Core section 10.1).
    ///
    /// # Errors
    ///
    /// [`TokenError::Algorithm`] if keys are there and are for other algorithms, else [`TokenError::KeyUnknown`].
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, TokenError> {
        let fits = |key: &&Arc<Key>| key.fits(algorithm);
        if let Some(kid) = kid {
            let keys = self.keys.get(kid).ok_or(TokenError::KeyUnknown)?;
            let fitting: Vec<_> = keys.iter().filter(fits).cloned().collect();
            return if fitting.is_empty() { Err(TokenError::Algorithm) } else { Ok(fitting) };
        }
        let mut fitting = self.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(vec![Arc::clone(only)]),
            _ => Err(TokenError::KeyUnknown),
        }
    }

    /// All usable keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values().flatten()
    }

    /// Whether this very key is in the set.
    pub fn holds(&self, key: &Arc<Key>) -> bool {
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

/// The entries, none of them read yet: what is wrong with one (a number beyond `f64`, a lone surrogate, great depth)
/// doesn't matter to the others.
fn entries(document: &str) -> Result<Vec<&RawValue>, KeyError> {
    let members: HashMap<String, &RawValue> =
        serde_json::from_str(document).map_err(|_| KeyError("it is not a JSON object"))?;
    let keys = members.get("keys").and_then(|keys| serde_json::from_str(keys.get()).ok());
    keys.ok_or(KeyError("it has no array `keys`"))
}

fn read_entry(entry: &RawValue, damaged: bool) -> Result<Value, KeyError> {
    if damaged && entry.get().contains(char::REPLACEMENT_CHARACTER) {
        return Err(KeyError("it is not UTF-8"));
    }
    let jwk = json::object(entry.get().as_bytes());
    jwk.map(Value::Object).ok_or(KeyError("it is not a JSON object with unique names"))
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
    fn an_entry_that_cannot_even_be_read_costs_only_itself() {
        let good = p256().to_string();
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let deep_objects = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        for odd in ["1e999", r#""\ud800""#, r#""\udc00\ud800""#, &deep, &deep_objects, r#"1,"kid":"f""#, "\"\u{fffd}\""]
        {
            let bad = with(p256(), "kid", json!("f")).to_string().replacen('{', &format!(r#"{{"x":{odd},"#), 1);
            for document in [format!(r#"{{"keys":[{bad},{good}]}}"#), format!(r#"{{"keys":[{good},{bad}]}}"#)] {
                // The last one stands for bytes that are no UTF-8.
                let document = document.into_bytes().split(|byte| *byte == 0xef).collect::<Vec<_>>().join(&0xff);
                let set = KeySet::parse(&document, None).unwrap();
                assert_eq!((set.iter().count(), set.skipped_count()), (1, 1), "{odd}");
                assert!(set.find(Some("e"), Algorithm::Es256).is_ok(), "{odd}");
            }
        }
        let aside = format!(r#"{{"x":{deep},"y":1e999,"z":"\ud800","keys":[{good}]}}"#);
        assert!(KeySet::parse(aside.as_bytes(), None).is_ok(), "what stands beside the keys doesn't matter");
    }

    #[test]
    fn only_an_object_with_an_array_of_keys_is_a_key_set() {
        let good = p256().to_string();
        for bad in [
            format!("[{good}]"),
            format!("[[{good}]]"),
            format!(r#"{{"keys":{good}}}"#),
            format!(r#"{{"keys":{{"0":{good}}}}}"#),
            format!(r#"{{"Keys":[{good}]}}"#),
            format!(r#"{{"keys":[{good}]}} x"#),
            format!(r#"{{"keys":[{good}]"#),
            r#"{"keys":null}"#.to_owned(),
            r#"{"keys":[]}"#.to_owned(),
            // How serde_json names raw values among its own.
            format!(r#"{{"keys":[{}]}}"#, json!({"$serde_json::private::RawValue": good})),
        ] {
            assert!(KeySet::parse(bad.as_bytes(), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_with_one_kid_are_all_candidates_up_to_three_and_the_same_key_counts_once() {
        let rsa = |e: &str| rsa_jwk(2048, e);
        let pinned = with(rsa("Bw"), "alg", json!("PS256"));
        let elliptic = with(p256(), "kid", json!("r"));
        let entries = json!([rsa("AQAB"), rsa("AQAB"), pinned, elliptic, rsa("Aw"), rsa("BQ"), rsa("AQAB")]);
        let document = json!({ "keys": entries }).to_string();
        let set = KeySet::parse(document.as_bytes(), None).unwrap();
        let exponents = |algorithm| {
            let keys = set.find(Some("r"), algorithm).unwrap();
            keys.iter().map(|key| key.jwk["e"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            exponents(Algorithm::Rs256),
            ["AQAB", "Aw"],
            "not the one pinned to PS256, and the fourth is too many"
        );
        assert_eq!(exponents(Algorithm::Ps256), ["AQAB", "Bw", "Aw"]);
        assert_eq!(exponents(Algorithm::Es256), ["-"]);
        assert_eq!(set.skipped_count(), 3);
        assert!(set.find(None, Algorithm::Rs256).is_err(), "without a kid nothing is tried");
        assert!(set.find(None, Algorithm::Es256).is_ok());
        let again = KeySet::parse(document.as_bytes(), Some(&set)).unwrap();
        assert!(set.iter().all(|key| again.holds(key)), "each stays the same key");
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
            let one = |set: &KeySet| set.find(Some(kid), algorithm).unwrap().remove(0);
            Arc::ptr_eq(&one(&first), &one(&second))
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
