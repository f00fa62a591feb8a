//! The decision matrix: the whole rule as one table that an auditor can read.
//!
//! Every combination of caller, evidence, requirement, app-only rule, mode and exception is decided. Combinations
//! that an axis makes no difference to are one line, with `any` in that column; the last column counts them, and the
//! counts add up to all there are. What is the same for every caller comes first.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway::gateway::Reason;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    AppOnlyRule, Decision, Evidence, Exception, ExceptionSet, Grounds, MfaRule, Mode, Predicate, Requirement, Rule,
    Test, Waivers, decide,
};
use mfa_gateway_core::token::TokenError;
use serde_json::{Value, json};

use crate::support::gateway::START;
use crate::support::rule::{application, evidence, rule, user, with};

const NOW: Timestamp = START;
const HOUR: Duration = Duration::from_secs(3600);
const MAX_AGE: Duration = Duration::from_secs(900);

/// A place on the four axes of what is configured.
type Place = [usize; 4];

const AXES: [&[&str]; 4] = [
    &["public", "authenticated", "mfa", "mfa, max_age 15m"],
    &["allow", "allow, not vendors", "deny"],
    &["enforce", "report", "off"],
    &["none", "covering", "expired", "of another user"],
];

const COLUMNS: [&str; 10] = [
    "class",
    "evidence",
    "requirement",
    "app_only",
    "mode",
    "exception",
    "decision",
    "grounds or reason",
    "status",
    "×",
];

/// A caller: who, and with what evidence.
pub(crate) struct Caller {
    class: &'static str,
    pub(crate) evidence: &'static str,
    shown: Evidence,
}

#[test]
fn every_caller_on_every_route() {
    let callers = callers();
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    let mut counted = 0;
    let public = [vec![0], (0..3).collect(), (0..3).collect(), (0..4).collect()];
    let outcomes: BTreeSet<_> =
        callers.iter().flat_map(|caller| places(&public).into_iter().map(|place| outcome(caller, place))).collect();
    assert_eq!(outcomes.len(), 1, "a public route looks at nobody");
    let everybody = Caller { class: "any", evidence: "any", shown: Evidence::None };
    let combinations = callers.len() * places(&public).len();
    let lines_of = |caller| lines(caller, &[(1..4).collect(), (0..3).collect(), (0..3).collect(), (0..4).collect()], 0);
    let first = Line { values: public, outcome: outcomes.into_iter().next().unwrap(), combinations };
    let all = std::iter::once((&everybody, first));
    for (caller, line) in
        all.chain(callers.iter().flat_map(|caller| lines_of(caller).into_iter().map(move |line| (caller, line))))
    {
        counted += line.combinations;
        rows.push(line.cells(caller));
    }
    let combinations = callers.len() * AXES.iter().map(|axis| axis.len()).product::<usize>();
    assert_eq!(counted, combinations, "every combination is in exactly one line");
    insta::assert_snapshot!(format!("{}\n{} callers, {combinations} combinations", table(&rows), callers.len()));
}

/// A Markdown table with columns that line up.
fn table(rows: &[[String; 10]]) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; 10] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
        if at == 0 {
            writeln!(text, "|{}|", widths.map(|width| "-".repeat(width + 2)).join("|")).unwrap();
        }
    }
    text
}

/// Some combinations with one outcome.
struct Line {
    /// For each axis the values that it holds for.
    values: [Vec<usize>; 4],
    outcome: [String; 3],
    combinations: usize,
}

impl Line {
    fn cells(self, caller: &Caller) -> [String; 10] {
        let mut cells = AXES.iter().zip(self.values).map(|(axis, values)| {
            let names: Vec<_> = values.iter().map(|at| axis[*at]).collect();
            match names.len() {
                all if all == axis.len() => "any".to_owned(),
                _ if values == [1, 2, 3] && axis.len() == 4 && axis[0] == "public" => "any but public".to_owned(),
                _ => names.join(" / "),
            }
        });
        let mut next = || cells.next().unwrap();
        let ([decision, reason, status], count) = (self.outcome, self.combinations.to_string());
        let (class, evidence) = (caller.class.to_owned(), caller.evidence.to_owned());
        [class, evidence, next(), next(), next(), next(), decision, reason, status, count]
    }
}

/// The lines for a part of the axes: one if nothing in it makes a difference, else those of its parts.
fn lines(caller: &Caller, part: &[Vec<usize>; 4], axis: usize) -> Vec<Line> {
    let places = places(part);
    let outcomes: BTreeSet<_> = places.iter().map(|place| outcome(caller, *place)).collect();
    if outcomes.len() == 1 {
        let outcome = outcomes.into_iter().next().unwrap();
        return vec![Line { values: part.clone(), outcome, combinations: places.len() }];
    }
    // Values of this axis whose parts have the same outcomes throughout stand together.
    let mut groups: Vec<(Vec<[String; 3]>, Vec<usize>)> = Vec::new();
    for value in &part[axis] {
        let mut narrowed = part.clone();
        narrowed[axis] = vec![*value];
        let profile: Vec<_> = self::places(&narrowed).into_iter().map(|place| outcome(caller, place)).collect();
        match groups.iter_mut().find(|(known, _)| *known == profile) {
            Some((_, values)) => values.push(*value),
            None => groups.push((profile, vec![*value])),
        }
    }
    let parts = groups.into_iter().map(|(_, values)| {
        let mut narrowed = part.clone();
        narrowed[axis] = values;
        narrowed
    });
    parts.flat_map(|narrowed| lines(caller, &narrowed, axis + 1)).collect()
}

fn places(part: &[Vec<usize>; 4]) -> Vec<Place> {
    let mut places = vec![[0; 4]];
    for (axis, values) in part.iter().enumerate() {
        let with = |place: Place| {
            values.iter().map(move |value| {
                let mut place = place;
                place[axis] = *value;
                place
            })
        };
        places = places.into_iter().flat_map(with).collect();
    }
    places
}

/// What the rule says: the decision, its grounds or reason, and the status that a client gets.
fn outcome(caller: &Caller, place: Place) -> [String; 3] {
    match decide(&configured(place), &caller.shown, &exceptions(place[3]), NOW) {
        Decision::Permit(grounds) => {
            let detail = match &grounds {
                Grounds::Exempt(id) => format!("{}: {id}", grounds.code()),
                Grounds::ReportOnly(denial) => format!("{}: {}", grounds.code(), denial.code()),
                _ => grounds.code().to_owned(),
            };
            ["permit".to_owned(), detail, "the upstream's".to_owned()]
        }
        Decision::Deny(denial) => {
            let status = Reason::Denied(denial).status().as_u16();
            ["**deny**".to_owned(), denial.code().to_owned(), status.to_string()]
        }
    }
}

fn configured([requirement, app_only, mode, _]: Place) -> Rule {
    let requirement = match requirement {
        0 => Requirement::Public,
        1 => Requirement::Authenticated,
        2 => Requirement::Mfa { max_age: None },
        _ => Requirement::Mfa { max_age: Some(MAX_AGE) },
    };
    let app_only = match app_only {
        0 => AppOnlyRule::Allow,
        1 => AppOnlyRule::AllowExcept(Arc::new(BTreeSet::from(["vendor".to_owned()]))),
        _ => AppOnlyRule::Deny,
    };
    let activation = [Mode::Enforce, Mode::Report, Mode::Off][mode].into();
    let tenants = Some(BTreeSet::from(["contoso".to_owned()]));
    Rule { app_only, activation, tenants, ..rule(requirement) }
}

fn exceptions(which: usize) -> Waivers {
    let (user, expires) = match which {
        0 => return Waivers::default(),
        1 => (None, NOW.plus(HOUR)),
        2 => (None, NOW),
        _ => (Some("user-2".to_owned()), NOW.plus(HOUR)),
    };
    // Every caller uses one of these applications, so the covering exception covers whoever it can.
    let exception = |application: &str| Exception {
        id: "EX-1".to_owned(),
        owner: "o".to_owned(),
        reason: "r".to_owned(),
        begins: None,
        expires,
        application: Some(application.to_owned()),
        user: user.clone(),
        tenant: None,
        issuer: None,
        routes: None,
    };
    ExceptionSet::new(vec![exception("app-1"), exception("vendor")]).into()
}

/// Everybody who may call. What a token says is read from a signed and verified one.
pub(crate) fn callers() -> Vec<Caller> {
    let caller = |class, evidence, shown| Caller { class, evidence, shown };
    let invalid = |error| Evidence::Invalid(error);
    let signed_in = with(user(), "auth_time", json!(NOW.as_secs()));
    let user_with = |amr: Value| shown(&with(signed_in.clone(), "amr", amr));
    let long_ago = with(signed_in.clone(), "auth_time", json!(NOW.as_secs() - 901));
    let ahead = with(signed_in.clone(), "auth_time", json!(NOW.as_secs() + 61));
    let mfa = json!(["pwd", "mfa"]);
    let ended = with(with(signed_in.clone(), "amr", mfa.clone()), "exp", json!(NOW.as_secs()));
    let foreign = with(with(signed_in.clone(), "amr", mfa.clone()), "tid", json!("fabrikam"));
    let contradiction = with(application("app-1"), "scp", json!("x"));
    vec![
        caller("none", "no credential", Evidence::None),
        caller("none", "two tokens in one field", invalid(TokenError::Credential)),
        caller("none", "a signature that doesn't fit", invalid(TokenError::Signature)),
        caller("none", "an expired token", invalid(TokenError::Expired)),
        caller("none", "a token for another audience", invalid(TokenError::Audience)),
        caller("none", "keys that are unavailable", Evidence::KeysUnavailable),
        caller("contradictory", "idtyp app, and scp", shown(&contradiction)),
        caller("user", "amr [pwd, mfa]", user_with(mfa.clone())),
        caller("user", "amr [mfa], expired since its verification", cached(&ended)),
        caller("user", "amr [mfa], another tenant", shown(&foreign)),
        caller("user", "amr [mfa], signed in 15 min and 1 s ago", shown(&with(long_ago, "amr", mfa.clone()))),
        caller("user", "amr [mfa], signed in 61 s ahead of the clock", shown(&with(ahead, "amr", mfa.clone()))),
        caller("user", "amr [mfa], no auth_time", shown(&with(user(), "amr", mfa))),
        caller("user", "amr [pwd]", user_with(json!(["pwd"]))),
        caller("user", "amr []", user_with(json!([]))),
        caller("user", "amr [wiaormfa]", user_with(json!(["wiaormfa"]))),
        caller("user", "amr [MFA]", user_with(json!(["MFA"]))),
        caller("user", "amr \"mfa\", a string", user_with(json!("mfa"))),
        caller("user", "amr [mfa, 1], not all strings", user_with(json!(["mfa", 1]))),
        caller("user", "no amr; acr mfa", shown(&with(signed_in.clone(), "acr", json!("mfa")))),
        caller("user", "amr [mfa, bypass], bypass is denied", user_with(json!(["mfa", "bypass"]))),
        caller("application", "of its own", shown(&application("app-1"))),
        caller("application", "a control panel vendor's", shown(&application("vendor"))),
        caller("application", "without an id", shown(&anonymous())),
        caller("application", "of another tenant", shown(&with(application("app-1"), "tid", json!("fabrikam")))),
        caller(
            "application",
            "amr [pwd]: it showed a secret",
            shown(&with(application("app-1"), "amr", json!(["pwd"]))),
        ),
    ]
}

fn shown(claims: &Value) -> Evidence {
    evidence(claims, mfa_rule(), NOW)
}

/// A token that was verified a minute ago.
fn cached(claims: &Value) -> Evidence {
    evidence(claims, mfa_rule(), NOW.minus(Duration::from_secs(60)))
}

fn mfa_rule() -> MfaRule {
    let bypass = Predicate { claim: vec!["amr".to_owned()], test: Test::Contains("bypass".to_owned()) };
    MfaRule { deny: vec![bypass], ..MfaRule::default() }
}

fn anonymous() -> Value {
    let mut claims = application("");
    claims.as_object_mut().unwrap().remove("appid");
    claims
}
