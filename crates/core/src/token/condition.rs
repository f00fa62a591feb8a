//! Conditions on a token's claims, by which an issuer's configuration says which tokens are its own, and which of them
//! are app-only.
//!
//! A claim of another JSON type than the condition reads is neither absent nor harmless: it fails what must hold, and it
//! fails what must not.

use serde_json::Value;

use super::{Claim, Claims, Test};

/// A condition on one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The names that lead to the claim.
    pub claim: Vec<String>,
    /// What it must be.
    pub must: Must,
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Must {
    /// A value that passes the test.
    Pass(Test),
    /// Anything but `null`, which says neither yes nor no.
    BePresent,
    /// The string in another claim, with something before and after it.
    Match {
        /// The names that lead to the other claim.
        claim: Vec<String>,
        /// What stands before the other claim's value.
        prefix: String,
        /// What stands after it.
        suffix: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Holds,
    Fails,
    /// A claim has another JSON type than the condition reads.
    Malformed,
}

impl Condition {
    fn judge<'c>(&self, claim: impl Fn(&[String]) -> Option<Claim<'c>>) -> Outcome {
        let Some(found) = claim(&self.claim) else { return Outcome::Fails };
        let of = |holds| if holds { Outcome::Holds } else { Outcome::Fails };
        match &self.must {
            Must::BePresent if matches!(found, Claim::Other(Value::Null)) => Outcome::Malformed,
            Must::BePresent => Outcome::Holds,
            Must::Pass(test) if test.reads(found) => of(test.holds(found)),
            Must::Pass(_) => Outcome::Malformed,
            Must::Match { claim: other, prefix, suffix } => match (found.as_str(), claim(other).map(Claim::as_str)) {
                (Some(_), None) => Outcome::Fails,
                (Some(text), Some(Some(other))) => {
                    let middle = text.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_suffix(suffix.as_str()));
                    // Two empty texts are equal, and name nobody.
                    of(!other.is_empty() && middle == Some(other))
                }
                _ => Outcome::Malformed,
            },
        }
    }
}

/// Whether all of the conditions hold.
pub(super) fn all_hold<'c>(conditions: &[Condition], claim: impl Fn(&[String]) -> Option<Claim<'c>> + Copy) -> bool {
    conditions.iter().all(|one| one.judge(claim) == Outcome::Holds)
}

/// Whether none of the conditions holds, and each claim that is there has a type that one of them reads.
pub(super) fn none_holds(conditions: &[Condition], claims: &Claims) -> bool {
    let judge = |one: &Condition| one.judge(|path| claims.at(path));
    let is_read =
        |path: &[String]| conditions.iter().any(|other| other.claim == path && judge(other) != Outcome::Malformed);
    conditions.iter().all(|one| match judge(one) {
        Outcome::Holds => false,
        Outcome::Fails => true,
        Outcome::Malformed => is_read(&one.claim),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::Validity;
    use crate::token::object::Object;

    fn condition(claim: &str, must: Must) -> Condition {
        Condition { claim: vec![claim.to_owned()], must }
    }

    fn same(claim: &str, other: &str, suffix: &str) -> Condition {
        let (prefix, suffix) = (String::new(), suffix.to_owned());
        condition(claim, Must::Match { claim: vec![other.to_owned()], prefix, suffix })
    }

    fn judge(condition: &Condition, claims: &Value) -> (bool, bool) {
        let claims = Claims::new(Object::of(claims), Validity::always());
        let conditions = std::slice::from_ref(condition);
        (all_hold(conditions, |path| claims.at(path)), none_holds(conditions, &claims))
    }

    const HOLDS: (bool, bool) = (true, false);
    const FAILS: (bool, bool) = (false, true);
    const MALFORMED: (bool, bool) = (false, false);

    #[test]
    fn what_is_malformed_neither_holds_nor_fails() {
        let gold = condition("c", Must::Pass(Test::Equals("gold".to_owned())));
        let listed = condition("c", Must::Pass(Test::Contains("gold".to_owned())));
        for (claims, one, other) in [
            (json!({"c": "gold"}), HOLDS, MALFORMED),
            (json!({"c": "Gold"}), FAILS, MALFORMED),
            (json!({"c": ["gold"]}), MALFORMED, HOLDS),
            (json!({"c": []}), MALFORMED, FAILS),
            (json!({"c": ["gold", 1]}), MALFORMED, MALFORMED),
            (json!({"c": null}), MALFORMED, MALFORMED),
            (json!({"C": "gold"}), FAILS, FAILS),
        ] {
            assert_eq!((judge(&gold, &claims), judge(&listed, &claims)), (one, other), "{claims}");
        }
        let claims = |value: Value| Claims::new(Object::of(&json!({ "c": value })), Validity::always());
        let both = [gold, listed];
        assert!(none_holds(&both, &claims(json!("silver"))) && none_holds(&both, &claims(json!(["silver"]))));
        assert!(!none_holds(&both, &claims(json!("gold"))) && !none_holds(&both, &claims(json!(1))));
    }

    #[test]
    fn a_claim_is_present_with_any_value_but_null_and_inside_objects_only() {
        let present = condition("c", Must::BePresent);
        for value in [json!(""), json!(false), json!(0), json!({}), json!([null])] {
            assert_eq!(judge(&present, &json!({ "c": value })), HOLDS);
        }
        assert_eq!((judge(&present, &json!({})), judge(&present, &json!({"c": null}))), (FAILS, MALFORMED));
        let inside = Condition { claim: vec!["a".to_owned(), "b".to_owned()], must: Must::BePresent };
        assert_eq!(judge(&inside, &json!({"a": {"b": 1}})), HOLDS);
        assert_eq!(judge(&inside, &json!({"a": {}})), FAILS);
        // What should be an object is not absent if it is something else.
        for odd in [json!("b"), json!(["b"]), json!(null)] {
            assert_eq!(judge(&inside, &json!({ "a": odd })), MALFORMED);
        }
    }

    #[test]
    fn a_claim_matches_another_one_as_a_whole() {
        let clients = same("sub", "azp", "@clients");
        for (claims, expected) in [
            (json!({"sub": "abc@clients", "azp": "abc"}), HOLDS),
            (json!({"sub": "abc", "azp": "abc"}), FAILS),
            (json!({"sub": "auth0|abc@clients", "azp": "abc"}), FAILS),
            (json!({"sub": "abc@clients@clients", "azp": "abc"}), FAILS),
            (json!({"sub": "@clients", "azp": ""}), FAILS),
            (json!({"sub": "abc@clients"}), FAILS),
            (json!({"azp": "abc"}), FAILS),
            (json!({"sub": "abc@clients", "azp": null}), MALFORMED),
            (json!({"sub": ["abc@clients"], "azp": "abc"}), MALFORMED),
        ] {
            assert_eq!(judge(&clients, &claims), expected, "{claims}");
        }
        assert_eq!(judge(&same("sub", "cid", ""), &json!({"sub": "", "cid": ""})), FAILS);
    }
}
