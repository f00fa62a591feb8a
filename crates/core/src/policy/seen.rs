//! The claims that an issuer's rule reads, as a verified token has them: for explanations, and for decisions that are
//! made again later.
//!
//! A token may be long and may hold anything, so a value is kept up to a limit, and of what no rule reads, nothing is.

use std::fmt;

use serde_json::{Map, Value};

use crate::token::{Amr, Claim};

/// The longest text that is kept, in bytes.
const MAX_TEXT: usize = 256;

/// How many texts of a list are kept.
const MAX_TEXTS: usize = 32;

/// The sum of the lengths of a list's texts that are kept, in bytes.
const MAX_LIST: usize = 1024;

/// How much of a text people see, in characters.
const SHOWN_TEXT: usize = 64;

/// How many texts of a list people see.
const SHOWN_TEXTS: usize = 16;

/// What a verified token says in one claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It doesn't have the claim.
    Absent,
    /// The text, list of texts, number or Boolean. An object is kept without its members, and a list that is not of texts
    /// as `[null]`: no test holds for either.
    Whole(Value),
    /// The beginning of a longer text or list.
    Cut(Value),
    /// As the proof's `amr` has it.
    Amr,
}

impl Seen {
    /// What the claim says, up to the limits.
    #[must_use]
    pub(super) fn of(claim: Option<Claim<'_>>) -> Self {
        let Some(claim) = claim else { return Self::Absent };
        if let Some(text) = claim.as_str() {
            let kept = beginning(text, MAX_TEXT);
            return Self::whole(kept.len() == text.len(), kept.into());
        }
        if let Some(texts) = claim.strings() {
            let mut room = MAX_LIST;
            let fits = |text: &&&str| {
                let (fits, left) = (text.len() <= room.min(MAX_TEXT), room.saturating_sub(text.len()));
                room = left;
                fits
            };
            let kept: Vec<Value> = texts.iter().take(MAX_TEXTS).take_while(fits).map(|&text| text.into()).collect();
            return Self::whole(kept.len() == texts.len(), kept.into());
        }
        Self::Whole(match claim.to_value() {
            Value::Object(_) => Value::Object(Map::new()),
            Value::Array(_) => Value::Array(vec![Value::Null]),
            other => other,
        })
    }

    /// What a list of methods says, with all of its elements.
    #[must_use]
    pub fn of_amr(amr: &Amr) -> Self {
        match amr {
            Amr::Absent => Self::Absent,
            Amr::Malformed => Self::Whole(Value::Array(vec![Value::Null])),
            Amr::Methods(methods) => Self::Whole(methods.iter().map(|method| Value::from(method.as_str())).collect()),
        }
    }

    fn whole(is_whole: bool, value: Value) -> Self {
        if is_whole { Self::Whole(value) } else { Self::Cut(value) }
    }

    /// The value, or its beginning.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Whole(value) | Self::Cut(value) => Some(value),
            Self::Absent | Self::Amr => None,
        }
    }

    /// What people see of it: no more than a line. `None` if the claim is absent.
    #[must_use]
    pub fn shown(&self) -> Option<Value> {
        let shortened = |text: &str| {
            let end = text.char_indices().nth(SHOWN_TEXT).map_or(text.len(), |(at, _)| at);
            let cut = if end < text.len() { "…" } else { "" };
            [text.get(..end).unwrap_or_default(), cut].concat()
        };
        let mut shown = match self.value()? {
            Value::String(text) => shortened(text).into(),
            Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                match texts {
                    Some(texts) => texts.iter().take(SHOWN_TEXTS).map(|text| shortened(text)).collect(),
                    None => "not an array of strings".into(),
                }
            }
            Value::Object(_) => "an object".into(),
            other => other.clone(),
        };
        if let Value::Array(items) = &mut shown
            && (matches!(self, Self::Cut(_)) || self.value()?.as_array().is_some_and(|all| all.len() > SHOWN_TEXTS))
        {
            items.push("…".into());
        }
        Some(shown)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.shown(), self.value()) {
            (None, _) => f.write_str("absent"),
            // These words are about the value.
            (Some(Value::String(words)), Some(Value::Array(_) | Value::Object(_))) => f.write_str(&words),
            (Some(shown), _) => write!(f, "{shown}"),
        }
    }
}

/// The beginning of a text, of whole characters.
fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(value: &Value) -> Seen {
        Seen::of(Some(Claim::from(value)))
    }

    #[test]
    fn a_value_is_kept_up_to_a_limit_and_said_to_be_cut() {
        assert_eq!(Seen::of(None), Seen::Absent);
        for whole in [json!("gold"), json!(["pwd", "mfa"]), json!([]), json!(1), json!(true), json!(null), json!("")] {
            assert_eq!(seen(&whole), Seen::Whole(whole.clone()), "{whole}");
        }
        assert_eq!(seen(&json!("é".repeat(200))), Seen::Cut("é".repeat(128).into()));
        let Seen::Cut(Value::Array(kept)) = seen(&json!(vec!["g"; 300])) else { unreachable!() };
        assert_eq!(kept.len(), MAX_TEXTS);
        let Seen::Cut(Value::Array(kept)) = seen(&json!(vec!["g".repeat(250); 20])) else { unreachable!() };
        assert_eq!(kept.len(), MAX_LIST / 250);
        assert_eq!(seen(&json!(["g".repeat(257)])), Seen::Cut(json!([])));
    }

    #[test]
    fn nothing_is_kept_that_no_test_could_hold_for() {
        assert_eq!(seen(&json!({"secret": "x"})), Seen::Whole(json!({})));
        assert_eq!(seen(&json!(["mfa", {"secret": "x"}])), Seen::Whole(json!([null])));
        assert_eq!(seen(&json!([["secret"]])), Seen::Whole(json!([null])));
    }

    #[test]
    fn people_see_a_line_of_it() {
        for (value, shown) in [
            (json!("1"), r#""1""#),
            (json!(["pwd"]), r#"["pwd"]"#),
            (json!(7), "7"),
            (json!({"a": 1}), "an object"),
            (json!(["mfa", 1]), "not an array of strings"),
            (json!("a\"\n"), r#""a\"\n""#),
        ] {
            assert_eq!(seen(&value).to_string(), shown);
        }
        assert_eq!(Seen::Absent.to_string(), "absent");
        assert_eq!(seen(&json!("x".repeat(100))).to_string(), format!("\"{}…\"", "x".repeat(64)));
        let many = seen(&json!(vec!["x"; 17])).to_string();
        assert!(many.ends_with(r#""x","…"]"#) && many.len() < 100, "{many}");
    }
}
