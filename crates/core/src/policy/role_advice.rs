//! The words of a missing or unknown role: which roles are needed, and who grants them.
//!
//! Names of roles are the configuration's. No group of the caller stands in these texts.

use std::collections::BTreeSet;

use super::Rule;
use super::advice::{Texts, listed};
use super::evidence::Proof;
use super::product::Product;
use crate::token::Principal;

/// The caller has none of the roles.
pub(super) fn missing(proof: Option<&Proof>, rule: Option<&Rule>) -> Texts {
    let needed = needed(rule);
    let description = match &*needed {
        [] => "Access denied. This resource needs a role that the caller doesn't have.".to_owned(),
        [only] => format!("Access denied. This resource needs the role {only}, which the caller doesn't have."),
        _ => format!(
            "Access denied. This resource needs one of the roles {}, and the caller has none of them.",
            listed(&needed, "or")
        ),
    };
    (description.into(), format!("{} {}", ask(&needed, proof), again(proof)).into())
}

/// The token leaves out what would show whether the caller has one of the roles.
pub(super) fn unknown(proof: Option<&Proof>, rule: Option<&Rule>) -> Texts {
    let needed = needed(rule);
    let what = match &*needed {
        [] => "a role".to_owned(),
        [only] => format!("the role {only}"),
        _ => format!("one of the roles {}", listed(&needed, "or")),
    };
    let description = format!(
        "Access denied. This resource needs {what}, and the token doesn't say whether the caller has it: it leaves out a claim \
         that shows roles."
    );
    let cause = match proof.map(|proof| proof.issuer.product) {
        Some(Product::Entra) => {
            "The user is in too many groups for a token (groups overage). Have the API's app registration emit only the \
             groups that are assigned to the application, or use app roles, which Entra never leaves out."
        }
        _ => "Have the issuer write the claim into the token itself, not a reference to it (`_claim_names`).",
    };
    (description.into(), format!("{cause} {}", again(proof)).into())
}

fn needed(rule: Option<&Rule>) -> Vec<String> {
    rule.and_then(|rule| rule.roles.as_ref()).into_iter().flatten().cloned().collect()
}

/// Who grants one of the roles.
fn ask(needed: &[String], proof: Option<&Proof>) -> String {
    let of_issuer = |name: &String| proof.and_then(|proof| proof.issuer.roles.get(name));
    if proof.is_some() && !needed.is_empty() && !needed.iter().any(|name| of_issuer(name).is_some()) {
        return "No token of this issuer has such a role here: request one from another issuer, or ask the gateway's operator."
            .to_owned();
    }
    let grants = |name: &String| of_issuer(name).and_then(|role| role.granted_by.as_deref());
    let askable: BTreeSet<&str> = needed.iter().filter_map(grants).collect();
    if askable.is_empty() {
        let who = match proof.map(|proof| proof.issuer.product) {
            Some(Product::Entra) => "an administrator of your tenant",
            _ => "an administrator of the identity provider",
        };
        return format!("Ask {who} for the role.");
    }
    let of = |who: &str| {
        let theirs: Vec<String> = needed.iter().filter(|name| grants(name) == Some(who)).cloned().collect();
        format!("{who} for the role {}", listed(&theirs, "or"))
    };
    format!("Ask {}.", askable.into_iter().map(of).collect::<Vec<_>>().join(", or "))
}

/// How the role gets into the token.
fn again(proof: Option<&Proof>) -> &'static str {
    match proof.map(|proof| &proof.principal) {
        Some(Principal::AppOnly(_)) => "Then request a new token: a token keeps the roles that it was issued with.",
        _ => "Then sign in again and use the new token: a token keeps the roles that it was issued with.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Requirement, Role, RoleRules};

    fn rule(roles: &[&str]) -> Rule {
        Rule { roles: Some(roles.iter().map(|&name| name.to_owned()).collect()), ..Requirement::Authenticated.into() }
    }

    fn proof(roles: &[(&str, Option<&str>)], product: Product) -> Proof {
        let role = |&(name, granted_by): &(&str, Option<&str>)| Role {
            name: name.into(),
            any: Vec::new(),
            granted_by: granted_by.map(str::to_owned),
        };
        let roles = RoleRules::new(roles.iter().map(role).collect());
        Proof::of_user(crate::policy::IssuerProfile { roles, product, ..Default::default() })
    }

    #[test]
    fn a_missing_role_is_named_with_who_grants_it() {
        let desk =
            proof(&[("a", Some("the desk")), ("b", Some("the desk")), ("c", Some("the board"))], Product::Generic);
        let (description, remedy) = missing(Some(&desk), Some(&rule(&["a", "b", "c"])));
        assert_eq!(
            description,
            "Access denied. This resource needs one of the roles a, b or c, and the caller has none of them."
        );
        assert!(
            remedy.starts_with("Ask the board for the role c, or the desk for the role a or b. Then sign in again")
        );
        let one = missing(Some(&desk), Some(&rule(&["a"])));
        assert_eq!(one.0, "Access denied. This resource needs the role a, which the caller doesn't have.");
        assert!(
            missing(Some(&desk), Some(&rule(&["z"]))).1.starts_with("No token of this issuer has such a role here")
        );
        let entra = proof(&[("a", None)], Product::Entra);
        assert!(
            missing(Some(&entra), Some(&rule(&["a"])))
                .1
                .starts_with("Ask an administrator of your tenant for the role.")
        );
        assert!(missing(None, None).0.ends_with("needs a role that the caller doesn't have."));
    }

    #[test]
    fn an_unknown_role_has_its_own_cause() {
        let entra = proof(&[("a", Some("the desk"))], Product::Entra);
        let (description, remedy) = unknown(Some(&entra), Some(&rule(&["a"])));
        assert!(description.contains("needs the role a, and the token doesn't say whether the caller has it"));
        assert!(remedy.contains("groups overage") && !remedy.contains("the desk"));
        assert!(unknown(Some(&proof(&[], Product::Okta)), None).1.contains("`_claim_names`"));
    }
}
