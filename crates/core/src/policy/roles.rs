//! Roles: which of the configuration's names an issuer's claims give to a caller.
//!
//! Roles are read once, when a token is verified. A role comes from an exact value that the issuer signed, and from
//! nothing else: a claim of another JSON type gives none, and a claim that the token leaves out leaves the role unknown.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::token::{Claims, Predicate, Test};

/// A role, and what gives it to the callers of one issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Arc<str>,
    /// One of these must hold.
    pub any: Vec<Predicate>,
    /// Who grants it, in words for people. No decision reads it.
    pub granted_by: Option<String>,
}

/// The roles that an issuer's callers can have, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleRules {
    roles: Vec<Role>,
    fingerprint: String,
}

impl RoleRules {
    /// Collects roles. Those of one name add up.
    #[must_use]
    pub fn new(all: Vec<Role>) -> Self {
        let mut roles: Vec<Role> = Vec::new();
        for role in all {
            match roles.iter_mut().find(|known| known.name == role.name) {
                Some(known) => {
                    known.any.extend(role.any);
                    known.granted_by = known.granted_by.take().or(role.granted_by);
                }
                None => roles.push(role),
            }
        }
        let fingerprint = fingerprint(&roles);
        Self { roles, fingerprint }
    }

    /// The roles, in the order of the configuration.
    #[must_use]
    pub fn as_slice(&self) -> &[Role] {
        &self.roles
    }

    /// The role with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| *role.name == *name)
    }

    /// What stands for all that gives these roles: decisions that are made again compare it. Empty without a role.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The roles that verified claims give.
    #[must_use]
    pub fn find(&self, claims: &Claims) -> RolesFound {
        if self.roles.is_empty() {
            return RolesFound::default();
        }
        let holds = |one: &Predicate| claims.at(&one.claim).is_some_and(|claim| one.test.holds(claim));
        let withheld = |one: &Predicate| one.claim.first().is_some_and(|name| claims.withholds(name));
        let (held, rest): (Vec<&Role>, Vec<&Role>) = self.roles.iter().partition(|role| role.any.iter().any(holds));
        let unknown = rest.into_iter().filter(|role| role.any.iter().any(withheld));
        let names = |role: &Role| Arc::clone(&role.name);
        RolesFound { held: held.into_iter().map(names).collect(), unknown: unknown.map(names).collect() }
    }
}

impl Role {
    /// Whether the same claims give both.
    #[must_use]
    pub fn is_given_as(&self, other: &Self) -> bool {
        asked(self) == asked(other)
    }
}

/// All that gives a role, whatever the order.
fn asked(role: &Role) -> Value {
    let texts = |one: &Predicate| match &one.test {
        Test::Contains(value) => json!([one.claim, "contains", value]).to_string(),
        Test::Equals(value) => json!([one.claim, "equals", value]).to_string(),
    };
    let any: BTreeSet<String> = role.any.iter().map(texts).collect();
    json!([&*role.name, any])
}

fn fingerprint(roles: &[Role]) -> String {
    if roles.is_empty() {
        return String::new();
    }
    let all: BTreeSet<String> = roles.iter().map(|role| asked(role).to_string()).collect();
    let hash = digest(&SHA256, json!(all).to_string().as_bytes());
    let first = hash.as_ref().iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("{first:016x}")
}

/// The roles of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolesFound {
    /// Those that the caller has.
    pub held: Box<[Arc<str>]>,
    /// Those of which it isn't known: the token leaves out a claim that could give them, and no other claim does.
    pub unknown: Box<[Arc<str>]>,
}

impl RolesFound {
    /// Those of these roles that the caller has.
    pub fn held_of(&self, needed: &BTreeSet<String>) -> impl Iterator<Item = &str> {
        of(&self.held, needed)
    }

    /// Those of these roles that the caller may have, and it isn't known.
    pub fn unknown_of(&self, needed: &BTreeSet<String>) -> impl Iterator<Item = &str> {
        of(&self.unknown, needed)
    }
}

fn of<'r>(roles: &'r [Arc<str>], needed: &BTreeSet<String>) -> impl Iterator<Item = &'r str> {
    roles.iter().map(|role| &**role).filter(|role| needed.contains(*role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(claim: &[&str], value: &str) -> Predicate {
        let claim = claim.iter().map(|&name| name.to_owned()).collect();
        Predicate { claim, test: Test::Contains(value.to_owned()) }
    }

    fn role(name: &str, any: Vec<Predicate>) -> Role {
        Role { name: name.into(), any, granted_by: None }
    }

    fn names(roles: &[Arc<str>]) -> Vec<&str> {
        roles.iter().map(|role| &**role).collect()
    }

    fn find(rules: &RoleRules, claims: &Value) -> RolesFound {
        rules.find(&Claims::of(claims))
    }

    #[test]
    fn a_role_is_an_exact_element_and_nothing_that_looks_like_one() {
        let rules = RoleRules::new(vec![role("agent", vec![contains(&["groups"], "g1")])]);
        assert_eq!(names(&find(&rules, &json!({"groups": ["g0", "g1"]})).held), ["agent"]);
        for odd in [
            json!("g1"),
            json!(["G1"]),
            json!([" g1"]),
            json!(["g1 "]),
            json!(["g10"]),
            json!(["g1", 1]),
            json!(["g1", null]),
            json!([["g1"]]),
            json!({"g1": true}),
            json!([1]),
            json!([null]),
            json!(null),
            json!(1),
            json!([]),
            json!("src1"),
        ] {
            assert_eq!(find(&rules, &json!({ "groups": odd })), RolesFound::default(), "{odd}");
        }
        for elsewhere in
            [json!({}), json!({"roles": ["g1"]}), json!({"Groups": ["g1"]}), json!({"x": {"groups": ["g1"]}})]
        {
            assert_eq!(find(&rules, &elsewhere), RolesFound::default(), "{elsewhere}");
        }
    }

    #[test]
    fn entries_of_one_name_add_up_and_one_predicate_suffices() {
        let equals = Predicate { claim: vec!["rank".to_owned()], test: Test::Equals("chief".to_owned()) };
        let rules = RoleRules::new(vec![
            role("agent", vec![contains(&["groups"], "g1")]),
            Role {
                granted_by: Some("a desk".to_owned()),
                ..role("agent", vec![contains(&["realm", "roles"], "agent")])
            },
            role("chief", vec![equals]),
        ]);
        assert_eq!(rules.as_slice().len(), 2);
        assert_eq!(rules.get("agent").and_then(|role| role.granted_by.as_deref()), Some("a desk"));
        let held = |claims: Value| find(&rules, &claims).held.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(held(json!({"realm": {"roles": ["agent"]}, "rank": "chief"})), ["agent", "chief"]);
        assert_eq!(held(json!({"groups": ["g1"], "rank": ["chief"]})), ["agent"]);
        assert!(held(json!({"realm": ["agent"]})).is_empty());
    }

    #[test]
    fn what_the_token_leaves_out_leaves_those_roles_unknown_that_nothing_else_gives() {
        let rules = RoleRules::new(vec![
            role("agent", vec![contains(&["groups"], "g1"), contains(&["roles"], "agent")]),
            role("sales", vec![contains(&["groups"], "g2")]),
            role("global", vec![contains(&["wids"], "w1")]),
        ]);
        let overage = json!({"_claim_names": {"groups": "src1"}, "roles": ["agent"], "wids": ["w2"]});
        let found = find(&rules, &overage);
        assert_eq!((names(&found.held), names(&found.unknown)), (vec!["agent"], vec!["sales"]));
        let needed = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let held = |names: &[&str]| found.held_of(&needed(names)).next().is_some();
        let unknown = |names: &[&str]| found.unknown_of(&needed(names)).next().is_some();
        assert!(held(&["agent", "global"]) && !held(&["sales", "global"]));
        assert!(unknown(&["sales", "global"]) && !unknown(&["global"]));
        let both = find(&rules, &json!({"hasgroups": true}));
        assert_eq!(names(&both.unknown), ["agent", "sales", "global"]);
    }

    #[test]
    fn the_fingerprint_stands_for_what_gives_the_roles_and_for_nothing_else() {
        let print = |roles: Vec<Role>| RoleRules::new(roles).fingerprint().to_owned();
        let (one, two) = (contains(&["groups"], "g1"), contains(&["groups"], "g2"));
        let own = print(vec![role("a", vec![one.clone(), two.clone()]), role("b", vec![one.clone()])]);
        assert_eq!(own.len(), 16);
        assert!(print(Vec::new()).is_empty());
        let apart = vec![role("b", vec![one.clone()]), role("a", vec![two.clone()]), role("a", vec![one.clone()])];
        assert_eq!(print(apart), own);
        let named = Role { granted_by: Some("x".to_owned()), ..role("b", vec![one.clone()]) };
        assert_eq!(print(vec![role("a", vec![two.clone(), one.clone()]), named]), own);
        assert_ne!(print(vec![role("a", vec![one.clone()]), role("b", vec![one.clone()])]), own);
        assert_ne!(print(vec![role("a", vec![one.clone(), two]), role("c", vec![one])]), own);
        let dotted = role("a", vec![contains(&["x.y"], "z")]);
        assert!(!dotted.is_given_as(&role("a", vec![contains(&["x", "y"], "z")])) && dotted.is_given_as(&dotted));
    }
}
