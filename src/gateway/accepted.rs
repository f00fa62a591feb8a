//! What the configuration accepts where a token shows something else: for operators, who may know it.

use mfa_gateway_core::policy::{Context, Denial, Proof, Rule};
use mfa_gateway_core::token::{Algorithm, IssuerRule, Tenants, TokenError, Unverified};
use mfa_gateway_layer::Issuer;

use super::Live;

/// How many values are listed.
const MAX_LISTED: usize = 20;

/// What the check that failed would have accepted.
pub(super) fn by_issuers(live: &Live, token: Option<&str>, error: TokenError) -> Option<String> {
    let authenticator = &live.judge.authenticator;
    if error == TokenError::IssuerUnknown {
        return Some(listed("issuers", authenticator.issuers().iter().map(|issuer| issuer.rules().issuer.pattern())));
    }
    let issuer = authenticator.issuer_of(&Unverified::parse(token?).ok()?).ok()?;
    of_issuer(issuer, error)
}

fn of_issuer(issuer: &Issuer, error: TokenError) -> Option<String> {
    let rules = issuer.rules();
    match (error, &rules.issuer) {
        (TokenError::Audience, _) => Some(listed("audiences", rules.audiences.iter().cloned())),
        (TokenError::Algorithm, _) => {
            Some(listed("algorithms", rules.algorithms.iter().map(|one| Algorithm::name(*one).to_owned())))
        }
        (TokenError::TenantUntrusted, IssuerRule::Entra { tenants: Tenants::Only(tenants), .. }) => {
            Some(listed("tenants", tenants.iter().cloned()))
        }
        _ => None,
    }
}

/// What the route's rule would have accepted, and what the token shows.
pub(super) fn by_route(rule: &Rule, denial: Denial, proof: &Proof) -> Option<String> {
    let (accepted, seen) = match denial {
        Denial::TenantMismatch => {
            let tenant = proof.tenant.as_deref();
            let seen = tenant.map_or("no tid".to_owned(), |tenant| format!("tid {}", serde_json::Value::from(tenant)));
            (listed("tenants", rule.tenants.iter().flatten().cloned()), seen)
        }
        Denial::WrongContext => {
            let accepted = match rule.context {
                Context::Partner => "accepted: the partner's own tenant (`context: partner`)",
                _ => "accepted: the tenant that the path names (`context: customer`)",
            };
            (accepted.to_owned(), tenants_of(proof))
        }
        Denial::NoDelegation => ("accepted: a delegation to the home tenant".to_owned(), tenants_of(proof)),
        Denial::DelegationEnded => ("accepted: a delegation that has not ended".to_owned(), tenants_of(proof)),
        Denial::AppOnlyForbidden => ("accepted: tokens of users (`app_only: deny`)".to_owned(), "app_only".to_owned()),
        Denial::VendorAppOnly => {
            let accepted =
                "accepted: tokens of users, and app-only tokens of applications that are no control panel vendor's";
            (accepted.to_owned(), "app_only".to_owned())
        }
        _ => return None,
    };
    Some(format!("{accepted}; seen: {seen}"))
}

/// The tenants of a token, as people read them.
fn tenants_of(proof: &Proof) -> String {
    let named = |name: &str, tenant: Option<&str>| match tenant {
        Some(tenant) => format!("{name} {}", serde_json::Value::from(tenant)),
        None => format!("no {name}"),
    };
    format!("{}, {}", named("tid", proof.tenant.as_deref()), named("home tenant", proof.home.as_deref()))
}

fn listed(of: &str, values: impl Iterator<Item = String>) -> String {
    let mut values: Vec<String> = values.collect();
    // Both token versions of one issuer can have the same.
    values.dedup();
    let more = values.len().saturating_sub(MAX_LISTED);
    values.truncate(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("accepted {of}: {}{more}", if values.is_empty() { "none".to_owned() } else { values.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_listed_and_not_without_end() {
        let values = |count: usize| listed("issuers", (0..count).map(|at| format!("i{at}")));
        assert_eq!(values(0), "accepted issuers: none");
        assert_eq!(values(2), "accepted issuers: i0, i1");
        assert!(values(1000).ends_with("i19 and 980 more"));
    }
}
