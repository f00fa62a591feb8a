//! Tests: facts that a line has or lacks, and what is made of them.

use serde_json::{Value, json};

use super::rehearse::tests::{ENFORCED, again, changed, config, deny, john, undetermined};
use super::rehearse::{Outcome, Rehearsal};
use super::why::Why;
use crate::config::Config;

#[test]
fn evidence_is_read_again_where_the_log_has_what_the_rule_reads() {
    let decide = |issuer: &str, line: Value| again(&config(issuer, ENFORCED), line);
    let acr = ", mfa_evidence: { any: [{ claim: acr, equals: gold }, { claim: amr, contains: mfa }] }";
    let gold = changed(json!({"claims": [{"claim": "acr", "value": "gold"}]}));
    let silver = changed(json!({"claims": [{"claim": "acr", "value": "1"}], "evidence": "proven"}));
    assert_eq!(decide(acr, gold.clone()), Outcome::Permit("mfa"));
    assert_eq!(decide("", gold.clone()), deny("mfa_missing"), "another rule");
    assert_eq!(decide(acr, silver), deny("mfa_missing"), "the recorded finding was another rule's");
    assert_eq!(decide(acr, changed(json!({"claims": [{"claim": "acr"}], "amr": null}))), deny("amr_absent"));
    // A rule that reads something else, and a line that has nothing of it.
    let other = ", mfa_evidence: { any: [{ claim: loa, equals: high }] }";
    assert_eq!(decide(other, gold.clone()), undetermined(Why::ClaimUnread));
    assert_eq!(decide(other, john()), undetermined(Why::ClaimsUnknown));
    assert_eq!(decide("", changed(json!({"amr": null, "evidence": "proven"}))), deny("amr_absent"));
    assert_eq!(decide("", changed(json!({"issuer": "gone"}))), deny("issuer_unknown"));
    // Where no finding would matter, none is needed.
    let open = "routes: [{ prefix: /v1/, upstream: api, require: authenticated }]";
    assert_eq!(again(&config(other, open), john()), Outcome::Permit("authenticated"));
    let daemon = changed(json!({"class": "app_only", "user": null}));
    assert_eq!(decide(other, daemon), Outcome::Permit("app_only"));
}

#[test]
fn a_recorded_finding_is_taken_only_under_the_rule_that_found_it() {
    let rule = ", mfa_evidence: { any: [{ claim: groups, contains: mfa }] }";
    let long = |rule: &str| {
        let claims = json!([{"claim": "groups", "value": ["a"], "cut": true}]);
        changed(json!({"claims": claims, "mfa_rule": rule, "evidence": "proven"}))
    };
    let again = |recorded: Option<&Config>, line: Value| {
        let line = serde_json::from_value(line).unwrap();
        let again = Rehearsal::new(&config(rule, ENFORCED), recorded, None).decide(&line).unwrap();
        (again.now, again.finding_taken)
    };
    assert_eq!(again(None, long("groups contains mfa")), (Outcome::Permit("mfa"), true));
    assert_eq!(again(None, long("groups contains a")), (undetermined(Why::ClaimUnread), false));
    // A log of an older version, with the configuration that recorded it.
    let proven = changed(json!({"evidence": "proven"}));
    assert_eq!(again(Some(&config(rule, ENFORCED)), proven.clone()), (Outcome::Permit("mfa"), true));
    assert_eq!(again(Some(&config("", ENFORCED)), proven), (undetermined(Why::ClaimsUnknown), false));
}

#[test]
fn nothing_is_permitted_on_the_word_of_other_rules_for_tokens() {
    let own = config("", ENFORCED);
    let print = own.issuers[0].profile.fingerprint.clone();
    let proven = |rules: &str| changed(json!({"amr": ["mfa"], "claims": [], "issuer_rules": rules}));
    assert_eq!(again(&own, proven(&print)), Outcome::Permit("mfa"));
    let stricter = config(", app_only_proof: none", ENFORCED);
    assert_eq!(again(&stricter, proven(&print)), undetermined(Why::TokenRulesDiffer));
    let without = changed(json!({"claims": [], "issuer_rules": print}));
    assert_eq!(again(&stricter, without), deny("mfa_missing"), "a valid token or not");
    let assumed = |recorded: Option<&Config>| {
        let line = serde_json::from_value(changed(json!({"amr": ["mfa"]}))).unwrap();
        let again = Rehearsal::new(&stricter, recorded, None).decide(&line).unwrap();
        (again.now, again.token_rules_assumed)
    };
    assert_eq!(assumed(None), (Outcome::Permit("mfa"), true));
    assert_eq!(assumed(Some(&stricter)), (Outcome::Permit("mfa"), false));
    assert_eq!(assumed(Some(&own)), (undetermined(Why::TokenRulesDiffer), false));
}

#[test]
fn a_token_that_stood_elsewhere_is_not_known_to_be_where_it_is_wanted() {
    let proven = |place: &str| changed(json!({"amr": ["mfa"], "token_from": place}));
    let cookie = config("", "routes: [{ prefix: /v1/, upstream: api, token_from: { cookie: t } }]");
    assert_eq!(again(&config("", ENFORCED), proven("the Authorization field")), Outcome::Permit("mfa"));
    assert_eq!(again(&cookie, proven("the Authorization field")), undetermined(Why::TokenPlaceDiffers));
    assert_eq!(again(&cookie, proven("the cookie t")), Outcome::Permit("mfa"));
}

#[test]
fn a_session_is_no_token_and_a_token_no_session() {
    let sign_in =
        "sign_in: [{ name: s, issuer: idp, public_url: 'http://127.0.0.1:8080', client_id: c, authentication: none }]";
    let with = |credential: &str| {
        let routes = format!("routes: [{{ prefix: /v1/, upstream: api, credential: {credential} }}]");
        let sign_in = if credential == "bearer" { "" } else { sign_in };
        config("", &format!("{sign_in}\n{routes}"))
    };
    let proven = |credential: &str| changed(json!({"amr": ["mfa"], "credential": credential, "session": "x"}));
    for (recorded, credential, expected) in [
        ("session", "session", Outcome::Permit("mfa")),
        ("session", "either", Outcome::Permit("mfa")),
        ("session", "bearer", deny("no_credential")),
        ("bearer", "session", deny("no_credential")),
        ("bearer", "either", Outcome::Permit("mfa")),
        ("", "bearer", Outcome::Permit("mfa")),
    ] {
        assert_eq!(again(&with(credential), proven(recorded)), expected, "{recorded} to {credential}");
    }
}
