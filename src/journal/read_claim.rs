//! The claims that an issuer's rule reads, as a line of the decision log has them.

use std::borrow::Cow;

use mfa_gateway_core::policy::{Proof, Seen};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The claims of a line: JSON within JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReadClaims(pub(super) Vec<ReadClaim>);

/// A claim that the issuer's rule reads, and what the token says there.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub(super) struct ReadClaim {
    /// The claim's name, or the names that lead to it.
    claim: Names,
    /// Its value; absent if the token doesn't have it. An object is `{}`, and an array that is not of strings is `[null]`.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// `true` if the value is the beginning of a longer one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// A top-level claim's name, or the names from the outermost object inwards.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
enum Names {
    Name(String),
    Path(Vec<String>),
}

/// A value that is there, even if it is `null`.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl ReadClaims {
    /// Those of a proof that the line's `amr` doesn't have.
    pub(super) fn of(proof: &Proof) -> Self {
        // Most rules read `amr` alone.
        if proof.seen.is_empty() {
            return Self(Vec::new());
        }
        let methods = |path: &[String]| path == ["amr"] && !proof.amr.is_malformed();
        let claims = proof.claims();
        Self(claims.iter().filter(|(path, _)| !methods(path)).map(|(path, seen)| ReadClaim::of(path, seen)).collect())
    }

    /// What was seen of a claim; `None` if the recording rule didn't read it.
    pub(crate) fn seen(&self, path: &[String]) -> Option<Cow<'static, Seen>> {
        let claim = self.0.iter().find(|one| match &one.claim {
            Names::Name(name) => path == [name.as_str()],
            Names::Path(names) => path == &**names,
        })?;
        Some(Cow::Owned(match (&claim.value, claim.cut) {
            (None, _) => Seen::Absent,
            (Some(value), false) => Seen::Whole(value.clone()),
            (Some(value), true) => Seen::Cut(value.clone()),
        }))
    }

    /// Whether a value is the beginning of a longer one.
    pub(crate) fn are_cut(&self) -> bool {
        self.0.iter().any(|claim| claim.cut)
    }
}

impl ReadClaim {
    fn of(path: &[String], seen: &Seen) -> Self {
        let claim = match path {
            [name] => Names::Name(name.clone()),
            names => Names::Path(names.to_vec()),
        };
        Self { claim, value: seen.value().cloned(), cut: matches!(seen, Seen::Cut(_)) }
    }
}
