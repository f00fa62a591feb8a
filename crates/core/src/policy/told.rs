//! Claims of a verified token that are told to others, such as an upstream. No decision reads them.

use serde_json::Value;

use crate::token::{Claim, Claims};

/// A claim that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldClaim {
    /// The names that lead to it.
    pub claim: Vec<String>,
    /// The name of the field that tells it.
    pub field: String,
}

impl ToldClaim {
    /// The claim's texts: a string, a number or a boolean is one, and a list of these has one for each element. `None` if
    /// the claim is absent, empty, or anything else: part of a list must not pass for the whole.
    #[must_use]
    pub fn texts(&self, claims: &Claims) -> Option<Vec<String>> {
        texts(claims.at(&self.claim)?)
    }
}

fn texts(claim: Claim<'_>) -> Option<Vec<String>> {
    let value = match claim {
        Claim::Text(text) => return one(text.to_owned()),
        Claim::Other(value) => value,
    };
    match value {
        Value::Array(list) => list.iter().map(text).collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty()),
        value => text(value).and_then(one),
    }
}

fn one(text: String) -> Option<Vec<String>> {
    (!text.is_empty()).then(|| vec![text])
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_told_whole_or_not_at_all() {
        for (value, expected) in [
            (json!("a"), Some(vec!["a"])),
            (json!(1.5), Some(vec!["1.5"])),
            (json!(true), Some(vec!["true"])),
            (json!(["a", 2, false]), Some(vec!["a", "2", "false"])),
            (json!(""), None),
            (json!([]), None),
            (json!(null), None),
            (json!({"a": 1}), None),
            (json!(["a", null]), None),
            (json!(["a", ["b"]]), None),
            (json!(["a", {"b": 1}]), None),
        ] {
            let expected = expected.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(texts(Claim::from(&value)), expected, "{value}");
        }
    }
}
