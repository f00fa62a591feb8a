//! Recorded decisions about customers, decided again.

use serde_json::{Value, json};

use super::rehearse::Outcome;
use super::rehearse::Rehearsal;
use super::rehearse::tests::{config, john};
use super::why::Why;

const PARTNER: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
const CUSTOMER: &str = "11111111-1111-4111-8111-111111111111";

const ROUTE: &str =
    "routes: [{ prefix: \"/v1/{customer}/\", upstream: api, require: authenticated, context: customer }]";

/// What a recorded request gets with these delegations now.
fn again(rest: &str, change: &Value) -> Outcome {
    let mut line = john();
    line["route"] = json!("/v1/{customer}/");
    line["tenant"] = json!(CUSTOMER);
    for (name, value) in change.as_object().unwrap() {
        line[name] = value.clone();
    }
    let config = config(", home_claim: idp", &format!("{ROUTE}\n{rest}"));
    Rehearsal::new(&config, None, None).decide(&serde_json::from_value(line).unwrap()).unwrap().now
}

fn delegation(from: &str, until: &str) -> String {
    format!(
        "delegations: [{{ partner: {PARTNER}, customer: {CUSTOMER}, roles: [], from: \"{from}\", until: \"{until}\" }}]"
    )
}

#[test]
fn the_recorded_customer_meets_todays_delegations() {
    let recorded = json!({"customer": CUSTOMER, "home_tenant": PARTNER});
    let deny = |reason: &str| Outcome::Deny(reason.to_owned());
    // The line is of 2026-11-19, 10:00.
    let held = delegation("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(again(&held, &recorded), Outcome::Permit("authenticated"));
    let ended = delegation("2026-01-01T00:00:00Z", "2026-11-19T10:00:00Z");
    assert_eq!(again(&ended, &recorded), deny("delegation_ended"));
    assert_eq!(again("", &recorded), deny("no_delegation"));
    assert_eq!(again(&held, &json!({"customer": PARTNER, "home_tenant": PARTNER})), deny("wrong_context"));
    // The home tenant of a line that has a customer was unknown.
    assert_eq!(again(&held, &json!({"customer": CUSTOMER})), deny("no_delegation"));
    assert_eq!(again(&held, &json!({})), Outcome::Undetermined(Why::ContextUnknown));
    assert_eq!(again(&held, &json!({"home_tenant": PARTNER})), Outcome::Undetermined(Why::ContextUnknown));
}
