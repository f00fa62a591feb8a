//! Claims that a token leaves out and says so: their absence proves nothing.
//!
//! Entra leaves `groups` out for users with more than 200 of them ("groups overage"), and names where to ask instead.
//! Nobody asks there: a decision needs no call to a third party.

use serde_json::Value;

use super::{Claim, Claims};

impl Claims {
    /// Whether the token says that the value of this claim, or a part of it, stands somewhere else.
    ///
    /// Three forms are known: `_claim_names` (OpenID Connect Core section 5.6.2), Entra's claim `groups:src1`, and Entra's
    /// `hasgroups` for the implicit flow, where `wids` may be left out for the same reason.
    #[must_use]
    pub fn withholds(&self, name: &str) -> bool {
        let distributed = matches!(
            self.get("_claim_names"),
            Some(Claim::Other(Value::Object(names))) if names.contains_key(name)
        );
        let has_source = || {
            let source = |one: &str| one.strip_prefix(name).is_some_and(|rest| rest.starts_with(":src"));
            self.names().any(source)
        };
        let has_groups = || match name {
            "groups" => self.has_groups(),
            "wids" => self.has_groups() && self.get("wids").is_none(),
            _ => false,
        };
        distributed || has_groups() || has_source()
    }

    fn has_groups(&self) -> bool {
        matches!(self.get("hasgroups"), Some(Claim::Other(Value::Bool(true))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_withheld_if_the_token_says_so_of_this_claim() {
        let withheld = |claims: Value| {
            let claims = Claims::of(&claims);
            ["groups", "wids", "roles"].map(|name| claims.withholds(name))
        };
        for (claims, expected) in [
            (json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}), [true, false, false]),
            (json!({"_claim_names": {"groups": "src1", "wids": "src2"}}), [true, true, false]),
            (json!({"_claim_names": {"roles": null}}), [false, false, true]),
            (json!({"groups:src1": "https://graph.example/"}), [true, false, false]),
            (json!({"wids:src2": "x"}), [false, true, false]),
            (json!({"hasgroups": true}), [true, true, false]),
            (json!({"hasgroups": true, "wids": []}), [true, false, false]),
            (json!({"hasgroups": false}), [false; 3]),
            (json!({"hasgroups": "true"}), [false; 3]),
            (json!({"HASGROUPS": true, "groups:source": 1, "groups": "src1"}), [false; 3]),
            (json!({"_claim_names": ["groups"]}), [false; 3]),
            (json!({"_claim_names": "groups"}), [false; 3]),
            (json!({"_claim_names": {"Groups": "src1"}}), [false; 3]),
            (json!({}), [false; 3]),
        ] {
            assert_eq!(withheld(claims.clone()), expected, "{claims}");
        }
    }
}
