//! What is kept of a verified token's claims for as long as a session lasts.
//!
//! A session's cookie has little room, so that only the claims that rules read are kept, and of lists only the elements that
//! a rule names. The rules judge what was kept as they judged the token. A claim that is too long becomes `null`, which no
//! test reads: a rule that demands it fails, and a rule that forbids something in it fails too.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::object::Object;
use super::{Claim, Claims, Validity};

/// The longest value that is kept whole, in bytes as JSON: two hundred groups, say.
const MAX_VALUE: usize = 16 * 1024;

/// A claim to keep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep {
    /// The names that lead to it.
    pub claim: Vec<String>,
    /// Of a list, only these elements; all of them if absent.
    pub elements: Option<BTreeSet<String>>,
    /// Of a list that is too long to be kept whole, these elements.
    pub named: BTreeSet<String>,
}

impl Keep {
    /// A claim of the payload itself, as a whole.
    #[must_use]
    pub fn whole(name: &str) -> Self {
        Self { claim: vec![name.to_owned()], elements: None, named: BTreeSet::new() }
    }

    /// The claims to keep, each from the claims that `source` names for its path, as one JSON object.
    #[must_use]
    pub fn collect<'c>(wanted: &[Self], source: impl Fn(&[String]) -> &'c Claims) -> String {
        let mut kept = Map::new();
        for one in wanted {
            if let Some(claim) = source(&one.claim).at(&one.claim) {
                put(&mut kept, &one.claim, one.value(claim));
            }
        }
        Value::Object(kept).to_string()
    }

    fn value(&self, claim: Claim<'_>) -> Value {
        let only = |named: &BTreeSet<String>| -> Option<Value> {
            Some(claim.strings()?.into_iter().filter(|element| named.contains(*element)).collect())
        };
        let fits = |value: &Value| value.to_string().len() <= MAX_VALUE;
        let value = self.elements.as_ref().and_then(only).unwrap_or_else(|| claim.to_value());
        // Rules ask for the named elements alone, so that they judge what is left as they judged the list.
        Some(value).filter(fits).or_else(|| only(&self.named).filter(fits)).unwrap_or_default()
    }
}

impl Claims {
    /// The claims to keep, as one JSON object.
    #[must_use]
    pub fn keep(&self, wanted: &[Keep]) -> String {
        Keep::collect(wanted, |_| self)
    }

    /// Claims that were kept. They must come from where nobody could change them.
    #[must_use]
    pub fn restore(kept: String, validity: Validity) -> Option<Self> {
        Object::parse(kept.into_bytes()).map(|object| Self::new(object, validity))
    }

    /// All claims of an ID token that was verified before, and has been kept sealed since.
    #[must_use]
    pub fn of_kept_token(token: &str, validity: Validity) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        Object::parse(payload).map(|object| Self::new(object, validity))
    }
}

/// Puts a value where a path of names leads to.
fn put(object: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => drop(object.insert(name.clone(), value)),
        [name, rest @ ..] => {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::{Predicate, Test};

    fn claims(value: &Value) -> Claims {
        Claims::new(Object::of(value), Validity::always())
    }

    fn elements(claim: &[&str], elements: &[&str]) -> Keep {
        let owned = |one: &&str| (*one).to_owned();
        let elements = Some(elements.iter().map(owned).collect());
        Keep { claim: claim.iter().map(owned).collect(), elements, named: BTreeSet::new() }
    }

    #[test]
    fn what_is_kept_is_judged_as_the_token_was() {
        let groups: Vec<String> = (0..200).map(|number| format!("group-{number}")).collect();
        let token = claims(&json!({
            "amr": ["pwd", "mfa"], "groups": groups, "realm_access": {"roles": ["a", "b"], "other": 1}, "name": "Jane",
            "sub": "s",
        }));
        let wanted = [
            Keep::whole("amr"),
            Keep::whole("acr"),
            elements(&["groups"], &["group-7", "group-700"]),
            elements(&["realm_access", "roles"], &["b"]),
            Keep::whole("sub"),
        ];
        let kept = token.keep(&wanted);
        assert_eq!(kept, r#"{"amr":["pwd","mfa"],"groups":["group-7"],"realm_access":{"roles":["b"]},"sub":"s"}"#);
        let restored = Claims::restore(kept, Validity::always()).unwrap();
        let holds = |path: &[&str], element: &str| {
            let claim = path.iter().map(|name| (*name).to_owned()).collect();
            let predicate = Predicate { claim, test: Test::Contains(element.to_owned()) };
            restored.at(&predicate.claim).is_some_and(|claim| predicate.test.holds(claim))
        };
        assert!(holds(&["amr"], "mfa") && holds(&["groups"], "group-7") && holds(&["realm_access", "roles"], "b"));
        assert!(!holds(&["groups"], "group-700") && !holds(&["groups"], "group-8"));
    }

    #[test]
    fn another_type_stays_another_type_and_what_is_too_long_becomes_null() {
        for odd in [json!("mfa"), json!(["mfa", 1]), json!([["mfa"]]), json!({"mfa": true}), json!(null), json!(1)] {
            let kept = claims(&json!({ "amr": odd })).keep(&[elements(&["amr"], &["mfa"])]);
            assert_eq!(kept, json!({ "amr": odd }).to_string());
        }
        let long = claims(&json!({"acr": "x".repeat(20_000)})).keep(&[Keep::whole("acr")]);
        assert_eq!(long, r#"{"acr":null}"#);
        let methods: Vec<_> = (0..2000).map(|number| format!("method-{number}")).chain(["mfa".to_owned()]).collect();
        let named = BTreeSet::from(["mfa".to_owned()]);
        let kept = claims(&json!({ "amr": methods })).keep(&[Keep { named, ..Keep::whole("amr") }]);
        assert_eq!(kept, r#"{"amr":["mfa"]}"#);
        // What should be an object is malformed, not absent.
        let kept = claims(&json!({"realm_access": "roles"})).keep(&[elements(&["realm_access", "roles"], &["a"])]);
        assert_eq!(kept, r#"{"realm_access":{"roles":null}}"#);
        assert!(Claims::restore("[]".to_owned(), Validity::always()).is_none());
    }
}
