//! What a step-up asks for, if the configuration doesn't say it.
//!
//! No two products are asked for MFA in the same way, and none promises it. What comes back is judged by the issuer's rule of
//! evidence, so a product that ignores the request leads to a page that says so, not to another trip.
//!
//! | Product | Asks for | Source |
//! |---|---|---|
//! | Entra, v1 endpoint | `amr_values=mfa` | Microsoft's own consent sample (`PartnerConsent`) does |
//! | Entra, v2 endpoint | the `acrs` of the rule; else `amr` in `claims` | Conditional Access developer guide; v2 answers `amr_values` with AADSTS901002 |
//! | Keycloak | the `acr` of the rule as essential claim; else level 2 | Server Administration Guide, Step-up Authentication |
//! | Okta | `acr_values=urn:okta:loa:2fa:any` | Step-up authentication using ACR values |
//! | Auth0 | `acr_values` of PAPE's multi-factor | Step-up Authentication for Web Apps |
//! | others | the `acr` and `amr` of the rule; and `prompt=login` | OpenID Connect Core sections 3.1.2.1 and 5.5 |

use mfa_gateway_core::policy::{MfaRule, Predicate, Product, Test};
use mfa_gateway_core::token::EntraVersion;
use serde_json::json;

use super::asks::Asks;

/// Any two factors. With `:ifpossible` behind it, Okta takes one, too.
const OKTA: &str = "urn:okta:loa:2fa:any";

/// OpenID Provider Authentication Policy Extension 1.0: what Auth0 takes for MFA.
const AUTH0: &str = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

impl Asks {
    /// What a step-up asks a product for, so that what comes back may fulfil the issuer's rule. `version` is that of Entra's
    /// endpoint.
    #[must_use]
    pub fn step_up(product: Product, version: Option<EntraVersion>, rule: &MfaRule) -> Self {
        let acr = values(rule, "acr");
        match product {
            Product::Entra => entra(version, rule),
            // A voluntary one is silently left out if the user doesn't reach it.
            Product::Keycloak if !acr.is_empty() => claims(&json!({"acr": {"essential": true, "values": acr}})),
            // Levels are their own names until the realm maps others to them.
            Product::Keycloak => acr_values(vec!["2".to_owned()]),
            Product::Okta if acr.is_empty() => acr_values(vec![OKTA.to_owned()]),
            Product::Auth0 if acr.is_empty() => acr_values(vec![AUTH0.to_owned()]),
            Product::Okta | Product::Auth0 => acr_values(acr),
            // A session at the issuer that has no MFA would otherwise be all that comes back.
            Product::Generic => Self { prompt: Some("login".to_owned()), claims: amr(rule), ..acr_values(acr) },
        }
    }
}

fn entra(version: Option<EntraVersion>, rule: &MfaRule) -> Asks {
    if version == Some(EntraVersion::V1) {
        return Asks { amr_values: vec!["mfa".to_owned()], ..Asks::default() };
    }
    match values(rule, "acrs").first() {
        // It takes one context at a time.
        Some(context) => claims(&json!({"acrs": {"essential": true, "value": context}})),
        None => Asks {
            claims: Some(json!({"access_token": {"amr": {"essential": true, "values": ["mfa"]}}}).to_string()),
            ..Asks::default()
        },
    }
}

/// The methods of the rule, as a claim that is asked for. Who doesn't take such requests leaves them unread.
fn amr(rule: &MfaRule) -> Option<String> {
    let methods = values(rule, "amr");
    let claims = || json!({"id_token": {"amr": {"essential": true, "values": methods}}}).to_string();
    (!methods.is_empty()).then(claims)
}

fn claims(of_id_token: &serde_json::Value) -> Asks {
    Asks { claims: Some(json!({ "id_token": of_id_token }).to_string()), ..Asks::default() }
}

fn acr_values(acr_values: Vec<String>) -> Asks {
    Asks { acr_values, ..Asks::default() }
}

/// The values of a claim, any of which would fulfil the rule as far as that claim goes.
fn values(rule: &MfaRule, claim: &str) -> Vec<String> {
    let value = |predicate: &Predicate| match &predicate.test {
        Test::Equals(value) | Test::Contains(value) if predicate.claim == [claim] => Some(value.clone()),
        _ => None,
    };
    rule.any.iter().chain(&rule.all).filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(claim: &str, tests: &[Test]) -> MfaRule {
        let any = tests.iter().map(|test| Predicate { claim: vec![claim.to_owned()], test: test.clone() }).collect();
        MfaRule { any, ..MfaRule::default() }
    }

    fn asked(product: Product, version: Option<EntraVersion>, rule: &MfaRule) -> Vec<String> {
        Asks::step_up(product, version, rule).parameters().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn each_product_is_asked_in_its_own_way() {
        let amr = MfaRule::default();
        let of = |product| asked(product, None, &amr);
        assert_eq!(asked(Product::Entra, Some(EntraVersion::V1), &amr), ["amr_values=mfa"]);
        let v2 = r#"claims={"access_token":{"amr":{"essential":true,"values":["mfa"]}}}"#;
        assert_eq!(asked(Product::Entra, Some(EntraVersion::V2), &amr), [v2]);
        assert_eq!(of(Product::Keycloak), ["acr_values=2"]);
        assert_eq!(of(Product::Okta), ["acr_values=urn:okta:loa:2fa:any"]);
        assert_eq!(of(Product::Auth0), ["acr_values=http://schemas.openid.net/pape/policies/2007/06/multi-factor"]);
        let methods = r#"claims={"id_token":{"amr":{"essential":true,"values":["mfa"]}}}"#;
        assert_eq!(of(Product::Generic), [methods, "prompt=login"]);
    }

    #[test]
    fn what_the_rule_wants_is_what_is_asked_for() {
        let acr = rule("acr", &[Test::Equals("gold".to_owned()), Test::Equals("silver".to_owned())]);
        let of = |product| asked(product, None, &acr);
        assert_eq!(
            of(Product::Keycloak),
            [r#"claims={"id_token":{"acr":{"essential":true,"values":["gold","silver"]}}}"#]
        );
        assert_eq!(of(Product::Okta), ["acr_values=gold silver"]);
        assert_eq!(of(Product::Generic), ["acr_values=gold silver", "prompt=login"]);
        let acrs = rule("acrs", &[Test::Contains("c1".to_owned())]);
        let context = r#"claims={"id_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
        assert_eq!(asked(Product::Entra, Some(EntraVersion::V2), &acrs), [context]);
    }
}
