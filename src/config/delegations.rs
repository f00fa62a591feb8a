//! Partners and delegations, from the file to what is used.

use super::Issuer;
use super::file;
use super::names::List;
use super::problem::Problems;
use super::values::tenant_id;
use super::waivers::date;
use crate::routing::Route;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::{Context, Delegation, Delegations};
use mfa_gateway_core::token::HomeRule;

pub(super) fn build(
    partners: &[String],
    files: Vec<file::Delegation>,
    roles: &List,
    problems: &mut Problems<'_>,
) -> Delegations {
    let now = Clock::system().now();
    for (at, partner) in partners.iter().enumerate() {
        tenant_id(&format!("partners[{at}]"), partner, problems);
    }
    let mut delegations = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("delegations[{at}]");
        for (field, tenant) in [("partner", &file.partner), ("customer", &file.customer)] {
            tenant_id(&format!("{path}.{field}"), tenant, problems);
        }
        if file.partner.eq_ignore_ascii_case(&file.customer) {
            let message = "partner and customer are the same tenant";
            problems.add(&path, message, "a tenant's own users need no delegation: remove it");
        }
        check_roles(&path, &file.roles, roles, problems);
        let Some((from, until)) = period(&path, &file, now, problems) else { continue };
        let roles = file.roles.into_iter().collect();
        delegations.push(Delegation { partner: file.partner, customer: file.customer, roles, from, until });
    }
    Delegations::new(partners.iter().cloned(), delegations)
}

fn check_roles(path: &str, names: &[String], known: &List, problems: &mut Problems<'_>) {
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !known.has(name)) {
        let fix = if known.is_empty() { "define it in `roles`".to_owned() } else { known.suggest(name) };
        problems.add(&format!("{path}.roles[{at}]"), format!("there is no role `{name}`"), fix);
    }
}

fn period(
    path: &str,
    file: &file::Delegation,
    now: Timestamp,
    problems: &mut Problems<'_>,
) -> Option<(Timestamp, Timestamp)> {
    let end = format!("{path}.until");
    let from = date(&format!("{path}.from"), &file.from, problems);
    let until = date(&end, &file.until, problems);
    let (from, until) = (from?, until?);
    if until <= from {
        problems.add(&end, "the delegation ends before it begins", "write a time after `from`");
    } else if until.since(from) > Delegation::LONGEST {
        let message = "the delegation lasts more than 730 days, the longest time that Microsoft allows for one";
        problems.add(&end, message, "write an earlier time, and renew the delegation after a review");
    } else if until <= now {
        let message = format!("the delegation ended at {until}, and opens nothing any more");
        problems.warn(&end, message, "remove it, or set a later time once the customer has renewed it");
    } else if until.minus(Delegation::SOON) <= now {
        let message = format!("the delegation ends soon, at {until}: from then on its users are refused");
        problems.warn(&end, message, "have the customer renew it until then, or remove it");
    }
    Some((from, until))
}

/// Checks that somebody can meet the contexts that routes ask for.
pub(super) fn check(routes: &[Route], issuers: &[Issuer], delegations: &Delegations, problems: &mut Problems<'_>) {
    let asks = |context| routes.iter().any(|route| route.rule.context == context);
    let (partner, customer) = (asks(Context::Partner), asks(Context::Customer));
    if (partner || customer) && issuers.iter().all(|issuer| issuer.profile.home == HomeRule::Unknown) {
        let message = "a route asks for a context, and no issuer's tokens name the user's home tenant";
        problems.add("issuers", message, "use `entra`, or set `home_claim` for the issuer");
    }
    if partner && delegations.partners().is_empty() {
        let message = "a route has `context: partner`, and there is no partner, so nobody could call";
        problems.add("partners", message, "list the partners' tenant ids: `partners: [df845f1a-…]`");
    }
    if customer && delegations.iter().next().is_none() {
        let message = "a route has `context: customer`, and there is no delegation, so no user could call";
        problems.warn("delegations", message, "add one: `{ partner: …, customer: …, roles: [], from: …, until: … }`");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::super::Config;
    use super::*;

    const PARTNER: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
    const CUSTOMER_ID: &str = "11111111-1111-4111-8111-111111111111";

    fn read(route: &str, rest: &str) -> Result<Config, String> {
        let text = format!(
            "
listeners: [{{ address: \"127.0.0.1:0\" }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
issuers: [{{ name: entra, entra: {{ tenants: any }}, audiences: [a] }}]
roles: [{{ name: Agent, any: [{{ claim: roles, contains: agent }}] }}]
routes: [{{ upstream: api, {route} }}]
{rest}
"
        );
        Config::parse("f", &text, HashMap::new()).map_err(|problems| problems.to_string())
    }

    fn delegation(customer: &str, roles: &str, from: Timestamp, until: Timestamp) -> String {
        format!(
            "delegations: [{{ partner: {PARTNER}, customer: {customer}, roles: [{roles}], from: \"{from}\", until: \"{until}\" }}]"
        )
    }

    const ROUTE: &str = "prefix: \"/v1/customers/{customer}/\", context: customer";

    #[test]
    fn a_context_needs_a_parameter_that_names_the_customer() {
        let config =
            read("prefix: \"/v1/tenants/{tenant}/\", context: customer, customer_parameter: tenant", "").unwrap();
        assert_eq!(config.routes[0].customer("/v1/tenants/x/y"), Some("x"));
        for (route, told) in [
            ("prefix: /v1/, context: customer", "has no parameter `{customer}`"),
            ("prefix: \"/v1/{tenant}/\", context: customer", "write `customer_parameter: tenant`"),
            ("prefix: /v1/, customer_parameter: tenant", "no effect without `context: customer`"),
            ("prefix: /v1/, context: partner", "there is no partner"),
            ("prefix: \"/v1/{customer}/\", context: customer, require: public", "no effect with the route's `require`"),
        ] {
            let problems = read(route, "").unwrap_err();
            assert!(problems.contains(told), "{route}: {problems}");
        }
    }

    #[test]
    fn a_delegation_is_checked_field_by_field() {
        let (now, day) = (Clock::system().now(), Duration::from_secs(86_400));
        let year = now.plus(365 * day);
        for (rest, told) in [
            (delegation("contoso.com", "Agent", now, year), "`contoso.com` is not a tenant id"),
            (delegation(PARTNER, "Agent", now, year), "the same tenant"),
            (delegation(CUSTOMER_ID, "Agnet", now, year), "there is no role `Agnet`"),
            (delegation(CUSTOMER_ID, "Agent", year, now), "ends before it begins"),
            (delegation(CUSTOMER_ID, "", now, now.plus(731 * day)), "more than 730 days"),
            ("partners: [fabrikam.com]".to_owned(), "`fabrikam.com` is not a tenant id"),
        ] {
            let problems = read(ROUTE, &rest).unwrap_err();
            assert!(problems.contains(told), "{rest}: {problems}");
        }
        let config = read(ROUTE, &delegation(CUSTOMER_ID, "Agent", now, now.plus(730 * day))).unwrap();
        assert!(config.warnings.is_empty() && config.delegations.is_partner(PARTNER));
    }

    #[test]
    fn a_delegation_that_ended_or_ends_soon_is_warned_of() {
        let (now, day) = (Clock::system().now(), Duration::from_secs(86_400));
        for (until, told) in [(now.minus(day), "ended at"), (now.plus(29 * day), "ends soon")] {
            let config = read(ROUTE, &delegation(CUSTOMER_ID, "", now.minus(9 * day), until)).unwrap();
            let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
            assert!(warnings.len() == 1 && warnings[0].contains(told), "{warnings:?}");
        }
        let none = read(ROUTE, "").unwrap().warnings;
        assert!(none.len() == 1 && none[0].to_string().contains("there is no delegation"));
    }
}
