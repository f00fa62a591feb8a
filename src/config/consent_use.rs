//! How a route uses a consent, from the file to what is used.

use std::collections::{HashMap, HashSet};

use http::HeaderName;

use super::names::Names;
use super::problem::Problems;
use super::sign_in::is_scope;
use super::values::tenant_id;
use super::{field_name, file};
use crate::consent::{Callers, ConsentSettings};
use crate::routing::{ConsentId, ConsentUse, Pattern, Responder, Route, TenantOf};

/// Reads how a route uses a consent, and checks that nothing of the route contradicts it.
pub(super) fn build(
    path: &str,
    file: &file::Route,
    pattern: Option<&Pattern>,
    (names, claims): (&Names, &[HeaderName]),
    problems: &mut Problems<'_>,
) -> Option<ConsentUse> {
    let consent = file.consent()?;
    check_route(path, file, problems);
    let path = format!("{path}.credential");
    if let Some(scope) = &consent.scope {
        check_scope(&format!("{path}.scope"), scope, problems);
    }
    let place = names.consent(&format!("{path}.consent"), &consent.consent, problems);
    Some(ConsentUse {
        name: consent.consent.clone(),
        scope: consent.scope.clone(),
        tenant: tenant(&format!("{path}.tenant"), consent.tenant.as_ref(), pattern, claims, problems),
        consent: ConsentId(place?),
    })
}

/// Checks a scope: exactly one.
pub(super) fn check_scope(path: &str, scope: &str, problems: &mut Problems<'_>) {
    if !is_scope(scope) {
        let fix = "write one scope: `https://api.partnercenter.microsoft.com/.default`";
        problems.add(path, "this is not one scope", fix);
    }
}

/// What would give the consent to more than its callers, or has no effect.
fn check_route(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let wrong = [
        ("require", file.require == file::Require::Public, "anybody could use the consent", "write another `require`"),
        (
            "app_only",
            file.app_only == file::AppOnly::Deny,
            "only programs use a consent, with app-only tokens",
            "remove it",
        ),
        (
            "authorization",
            file.authorization == Some(file::Authorization::Forward),
            "the upstream receives the consent's access token in the place of the caller's",
            "remove it",
        ),
        (
            "encoded",
            file.encoded == file::Encoded::Forward,
            "the upstream could read such a path as another one, with the consent's access token",
            "remove it",
        ),
        ("serve", file.serve.is_some(), "the gateway itself needs no access token", "remove it, or the consent"),
    ];
    for (field, _, message, fix) in wrong.into_iter().filter(|(_, is_wrong, ..)| *is_wrong) {
        problems.add(&format!("{path}.{field}"), message, fix);
    }
}

fn tenant(
    path: &str,
    file: Option<&file::ConsentTenant>,
    pattern: Option<&Pattern>,
    claims: &[HeaderName],
    problems: &mut Problems<'_>,
) -> TenantOf {
    let file::NamedTenant { parameter, header } = match file {
        None => return TenantOf::Consent,
        Some(file::ConsentTenant::Fixed(id)) => {
            tenant_id(path, id, problems);
            return TenantOf::Fixed(id.to_ascii_lowercase());
        }
        Some(file::ConsentTenant::Named(place)) => place,
    };
    match (parameter, header) {
        (Some(parameter), None) => {
            let Some(pattern) = pattern else { return TenantOf::Consent };
            let place = pattern.parameters().find(|(own, _)| own == parameter).map(|(_, place)| place);
            if place.is_none() {
                let message = format!("`{}` has no parameter `{{{parameter}}}`", pattern.as_written());
                let fix =
                    format!("write the segment with the tenant's id as a parameter: `/v1/customers/{{{parameter}}}/`");
                problems.add(&format!("{path}.parameter"), message, fix);
            }
            place.map_or(TenantOf::Consent, TenantOf::Segment)
        }
        (None, Some(header)) => field(&format!("{path}.header"), header, claims, problems),
        _ => {
            problems.add(path, "exactly one of `parameter` and `header` is required", "keep one of them");
            TenantOf::Consent
        }
    }
}

fn field(path: &str, name: &str, claims: &[HeaderName], problems: &mut Problems<'_>) -> TenantOf {
    if field_name::is_one_of(name, claims) {
        let message = format!("the gateway writes `{name}` from a claim, by `claims_to_headers`");
        problems.add(path, message, "choose another name");
        return TenantOf::Consent;
    }
    match field_name::of_client(name) {
        Ok(name) => TenantOf::Header(name),
        Err((message, fix)) => {
            problems.add(path, message, fix);
            TenantOf::Consent
        }
    }
}

/// Warns of what nobody can use, and of uses for which no token can be found.
pub(super) fn check(routes: &[Route], consents: &[ConsentSettings], callers: &Callers, problems: &mut Problems<'_>) {
    let is_served = routes.iter().any(|route| route.responder == Responder::TokenBroker);
    let is_used = routes.iter().any(|route| route.consent.is_some());
    if callers.iter().next().is_some() && !is_served && !is_used {
        let message = "no route uses a consent or serves access tokens, so the callers have no effect";
        let fix = "add `credential: { consent: … }` to a route, or a route with `serve: token_broker`";
        problems.warn("consent_callers", message, fix);
    }
    if is_served && !callers.iter().any(|caller| caller.tokens) {
        let message = "a route serves access tokens, and no caller may have one";
        problems.warn("consent_callers", message, "add `tokens: true` to a caller, or remove the route");
    }
    let usable: HashSet<&str> = callers.iter().flat_map(|one| &one.consents).map(String::as_str).collect();
    let named: HashMap<&str, &ConsentSettings> = consents.iter().rev().map(|one| (one.name.as_str(), one)).collect();
    for (at, usage) in routes.iter().enumerate().filter_map(|(at, route)| Some((at, route.consent.as_deref()?))) {
        let path = format!("routes[{at}].credential");
        if !usable.contains(usage.name.as_str()) {
            let message = format!("no caller may use the consent `{}`, so nobody can call", usage.name);
            problems.warn(&path, message, "list the program in `consent_callers`");
        }
        let consent = named.get(usage.name.as_str());
        if consent.is_some_and(|consent| consent.scope.is_none() && usage.scope.is_none()) {
            let message = "neither the route nor the consent says what access tokens are for";
            problems.add(&format!("{path}.scope"), message, "write the `scope` here or in the consent");
        }
    }
}
