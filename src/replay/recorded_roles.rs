//! Recorded decisions on routes that need a role, decided again.

use serde_json::{Value, json};

use super::rehearse::tests::{changed, config};
use super::rehearse::{Outcome, Rehearsal};
use super::why::Why;

const ROLES: &str = "roles:
  - { name: agent, any: [{ claim: groups, contains: g }] }
  - { name: sales, any: [{ claim: groups, contains: s }] }
routes: [{ prefix: /v1/, upstream: api, require: authenticated, roles: [agent] }]";

fn again(rest: &str, changes: Value) -> Outcome {
    let line = serde_json::from_value(changed(changes)).unwrap();
    Rehearsal::new(&config("", rest), None, None).decide(&line).unwrap().now
}

/// What stands for what gives the roles of a configuration.
fn rules(rest: &str) -> String {
    config("", rest).issuers[0].profile.roles.fingerprint().to_owned()
}

#[test]
fn a_caller_has_the_recorded_roles_while_the_same_claims_give_them() {
    let with = |roles: Value| again(ROLES, json!({"role_rules": rules(ROLES), "roles": roles}));
    let deny = |reason: &str| Outcome::Deny(reason.to_owned());
    assert_eq!(with(json!(["agent"])), Outcome::Permit("authenticated"));
    assert_eq!(with(json!(["sales"])), deny("role_missing"));
    assert_eq!(again(ROLES, json!({"role_rules": rules(ROLES)})), deny("role_missing"));
    let unknown = json!({"role_rules": rules(ROLES), "roles_unknown": ["agent"]});
    assert_eq!(again(ROLES, unknown), deny("roles_unknown"));
    // A route that needs none doesn't ask.
    assert_eq!(
        again("routes: [{ prefix: /v1/, upstream: api, require: authenticated }]", json!({})),
        Outcome::Permit("authenticated")
    );
}

#[test]
fn what_a_line_does_not_say_of_roles_is_not_guessed() {
    // Of an older version, and with other rules.
    assert_eq!(again(ROLES, json!({})), Outcome::Undetermined(Why::RolesUnknown));
    let other = ROLES.replace("contains: g", "contains: h");
    let line = json!({"role_rules": rules(ROLES), "roles": ["agent"]});
    assert_eq!(again(&other, line), Outcome::Undetermined(Why::RolesUnknown));
}
