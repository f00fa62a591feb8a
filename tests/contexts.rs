//! The matrix of contexts: who may act for whom, as one table that an auditor can read.
//!
//! Every combination of caller, context, delegation, roles and requirement is decided. Values that make no difference
//! stand in one line; `any` is all of them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Asked, Context, Decision, Delegation, Delegations, Evidence, MfaRule, Mode, Proof, Requirement, RolesFound, Rule,
    Waivers, complies, decide,
};
use serde_json::json;

use crate::support::gateway::START;
use crate::support::rule::{application, evidence, rule, user, with};

const NOW: Timestamp = START;
const HOUR: Duration = Duration::from_secs(3600);

const CONTEXTS: [Context; 3] = [Context::Any, Context::Partner, Context::Customer];

const DELEGATIONS: [&str; 6] =
    ["none", "in force, with the role", "in force, without the role", "ended", "not begun", "of another customer"];

const ROLES: [&str; 4] = ["not asked", "held", "not held", "unknown"];

const REQUIREMENTS: [Requirement; 2] = [Requirement::Authenticated, Requirement::Mfa { max_age: None }];

/// The delegations between the partner and the customer.
fn delegations(which: usize) -> Delegations {
    let (roles, from, until): (&[&str], _, _) = match which {
        0 => return Delegations::new(["partner".to_owned()], Vec::new()),
        2 => (&["Sales agent"], NOW, NOW.plus(HOUR)),
        3 => (&["Admin agent"], NOW.minus(HOUR), NOW),
        4 => (&["Admin agent"], NOW.plus(HOUR), NOW.plus(2 * HOUR)),
        _ => (&["Admin agent"], NOW, NOW.plus(HOUR)),
    };
    let customer = if which == 5 { "fabrikam" } else { "customer" };
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    let (partner, customer) = ("partner".to_owned(), customer.to_owned());
    Delegations::new([], vec![Delegation { partner, customer, roles, from, until }])
}

fn roles(which: usize) -> RolesFound {
    let agent: Box<[Arc<str>]> = Box::new(["Admin agent".into()]);
    match which {
        1 => RolesFound { held: agent, unknown: Box::default() },
        3 => RolesFound { held: Box::default(), unknown: agent },
        _ => RolesFound::default(),
    }
}

/// Who calls: by tenant and home tenant, with MFA or without.
fn callers() -> Vec<(&'static str, Proof)> {
    let proof = |claims| match evidence(&claims, MfaRule::default(), NOW) {
        Evidence::Token(proof) => (*proof).clone(),
        other => unreachable!("{other:?}"),
    };
    let of = |tenant: &str, home: Option<&str>, amr: &str| Proof {
        tenant: Some(tenant.to_owned()),
        home: home.map(str::to_owned),
        ..proof(with(user(), "amr", json!([amr])))
    };
    let app = |tenant: &str| Proof { tenant: Some(tenant.to_owned()), ..proof(application("app-1")) };
    vec![
        ("the partner's, in the customer's tenant, MFA", of("customer", Some("partner"), "mfa")),
        ("the same, written in capitals", of("CUSTOMER", Some("PARTNER"), "mfa")),
        ("the partner's, in the customer's tenant, no MFA", of("customer", Some("partner"), "pwd")),
        ("the partner's, in the partner's tenant, MFA", of("partner", Some("partner"), "mfa")),
        ("the partner's, in another customer's tenant, MFA", of("fabrikam", Some("partner"), "mfa")),
        ("the customer's own, MFA", of("customer", Some("customer"), "mfa")),
        ("another partner's, in the customer's tenant, MFA", of("customer", Some("rival"), "mfa")),
        ("another's guest in the partner's tenant, MFA", of("partner", Some("rival"), "mfa")),
        ("of no known home, in the customer's tenant, MFA", of("customer", None, "mfa")),
        ("of no known home, in the partner's tenant, MFA", of("partner", None, "mfa")),
        ("of no tenant, MFA", Proof { tenant: None, ..of("", Some("partner"), "mfa") }),
        ("an application in the customer's tenant", app("customer")),
        ("an application in the partner's tenant", app("partner")),
    ]
}

/// What a place says: context, delegation, roles, requirement.
type Place = [usize; 4];

fn outcome(proof: &Proof, [context, delegation, which, requirement]: Place, mode: Mode) -> String {
    let needed = (which > 0).then(|| BTreeSet::from(["Admin agent".to_owned()]));
    let asks =
        Rule { context: CONTEXTS[context], roles: needed, activation: mode.into(), ..rule(REQUIREMENTS[requirement]) };
    let delegations = delegations(delegation);
    let evidence = Evidence::Token(Arc::new(Proof { roles: roles(which), ..proof.clone() }));
    let asked = Asked::from(&asks).about(Some("customer")).among(&delegations);
    match decide(asked, &evidence, &Waivers::default(), NOW) {
        Decision::Permit(grounds) => format!("permit: {}", grounds.code()),
        Decision::Deny(denial) => format!("**deny**: {}", denial.code()),
    }
}

fn names(axis: usize) -> Vec<String> {
    match axis {
        0 => CONTEXTS.iter().map(|context| context.name().unwrap_or("none").to_owned()).collect(),
        1 => DELEGATIONS.map(str::to_owned).to_vec(),
        2 => ROLES.map(str::to_owned).to_vec(),
        _ => REQUIREMENTS.iter().map(|requirement| requirement.name().to_owned()).collect(),
    }
}

/// The lines of a part of the table: one if nothing in it makes a difference. Values of an axis that make none stand together.
fn lines(proof: &Proof, part: &[Vec<usize>; 4], axis: usize, rows: &mut Vec<(Vec<String>, String)>) {
    let outcomes = |part: &[Vec<usize>; 4]| -> Vec<String> {
        places(part).into_iter().map(|place| outcome(proof, place, Mode::Enforce)).collect()
    };
    let all = outcomes(part);
    if all.iter().all(|one| *one == all[0]) {
        rows.push((part.iter().enumerate().map(|(axis, values)| cell(axis, values)).collect(), all[0].clone()));
        return;
    }
    let narrowed = |values: Vec<usize>| {
        let mut narrowed = part.clone();
        narrowed[axis] = values;
        narrowed
    };
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for value in &part[axis] {
        let profile = outcomes(&narrowed(vec![*value]));
        match groups.iter_mut().find(|(known, _)| *known == profile) {
            Some((_, values)) => values.push(*value),
            None => groups.push((profile, vec![*value])),
        }
    }
    for (_, values) in groups {
        lines(proof, &narrowed(values), axis + 1, rows);
    }
}

fn cell(axis: usize, values: &[usize]) -> String {
    let names = names(axis);
    if values.len() == names.len() {
        return "any".to_owned();
    }
    values.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>().join(" / ")
}

/// All values of all axes.
fn everything() -> [Vec<usize>; 4] {
    std::array::from_fn(|axis| (0..names(axis).len()).collect())
}

fn places(part: &[Vec<usize>; 4]) -> Vec<Place> {
    let [contexts, delegations, roles, requirements] = part;
    let mut places = Vec::new();
    for context in contexts {
        for delegation in delegations {
            for role in roles {
                places.extend(requirements.iter().map(|requirement| [*context, *delegation, *role, *requirement]));
            }
        }
    }
    places
}

#[test]
fn every_caller_in_every_context() {
    let mut text =
        "| caller | context | delegation | roles | requirement | decision |\n|---|---|---|---|---|---|\n".to_owned();
    for (caller, proof) in callers() {
        let mut rows = Vec::new();
        lines(&proof, &everything(), 0, &mut rows);
        for (cells, outcome) in rows {
            writeln!(text, "| {caller} | {} | {outcome} |", cells.join(" | ")).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn without_a_customer_nobody_is_in_a_customers_context() {
    let delegations = delegations(1);
    let rule = Rule { context: Context::Customer, ..rule(Requirement::Authenticated) };
    for (caller, proof) in callers() {
        let evidence = Evidence::Token(Arc::new(proof));
        for asked in [
            Asked::from(&rule),
            Asked::from(&rule).among(&delegations),
            Asked::from(&rule).about(Some("")).among(&delegations),
        ] {
            let decision = decide(asked, &evidence, &Waivers::default(), NOW);
            assert!(
                matches!(decision, Decision::Deny(denial) if denial.code() == "wrong_context"),
                "{caller}: {decision:?}"
            );
        }
    }
}

#[test]
fn no_mode_waives_a_context_and_mfa_is_judged_apart() {
    for (caller, proof) in callers() {
        for place in places(&everything()).into_iter().filter(|place| place[3] == 1) {
            let enforced = outcome(&proof, place, Mode::Enforce);
            let is_mfa = enforced.contains("mfa_missing");
            let reported = outcome(&proof, place, Mode::Report);
            assert_eq!(reported == enforced, !is_mfa, "{caller}: {enforced}, {reported}");
        }
        let evidence = Evidence::Token(Arc::new(proof.clone()));
        let rule = Rule { context: Context::Customer, ..rule(REQUIREMENTS[1]) };
        let has_mfa = proof.principal.user().is_none() || proof.amr.methods() == ["mfa"];
        assert_eq!(complies(&rule, &evidence, NOW), Some(has_mfa), "{caller}");
    }
}
