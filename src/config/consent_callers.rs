//! The programs that may use consents, from the file to what is used.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::consent_use::check_scope;
use super::names::Names;
use super::problem::Problems;
use super::sign_in::version;
use super::suggest::suggest;
use super::values::{name, tenant_id, tenant_ids};
use super::{Issuer, file};
use crate::consent::{CallerSettings, CallerTenants, Callers, KnownBy, spelled};
use mfa_gateway_core::token::is_guid;

/// Builds the programs. One with problems is left out.
pub(super) fn build(file: &file::File, names: &Names, issuers: &[Issuer], problems: &mut Problems<'_>) -> Callers {
    let (mut own, mut known) = (HashSet::new(), HashMap::new());
    let accepted = Accepted::of(issuers);
    let mut callers: Vec<CallerSettings> = Vec::new();
    for (at, one) in file.consent_callers.iter().enumerate() {
        let path = format!("consent_callers[{at}]");
        name(&path, &one.name, problems);
        if !own.insert(&one.name) {
            problems.add(&format!("{path}.name"), "another caller has this name", "give each caller its own name");
        }
        let Some(caller) = build_one(&path, one, names, &accepted, problems) else { continue };
        if let Some(other) = known.get(&caller.known_by) {
            let message = format!("`{other}` is known by the same, so this one would never count");
            problems.add(&path, message, "make them one, with the consents of both");
        } else {
            known.insert(caller.known_by.clone(), &one.name);
        }
        callers.push(caller);
    }
    Callers::new(callers)
}

/// The issuers of access tokens, by name: the first of each.
struct Accepted<'i> {
    issuers: &'i [Issuer],
    named: HashMap<&'i str, &'i Issuer>,
}

impl<'i> Accepted<'i> {
    fn of(issuers: &'i [Issuer]) -> Self {
        let accepted = issuers.iter().rev().filter(|issuer| issuer.for_access_tokens);
        Self { issuers, named: accepted.map(|issuer| (issuer.profile.name.as_str(), issuer)).collect() }
    }
}

fn build_one(
    path: &str,
    file: &file::ConsentCaller,
    names: &Names,
    issuers: &Accepted<'_>,
    problems: &mut Problems<'_>,
) -> Option<CallerSettings> {
    if file.consents.is_empty() {
        let fix = "name the consents that it may use: `consents: [nightly]`";
        problems.add(&format!("{path}.consents"), "the caller may use no consent", fix);
    }
    for (at, consent) in file.consents.iter().enumerate() {
        names.consent(&format!("{path}.consents[{at}]"), consent, problems);
    }
    for (at, scope) in file.scopes.iter().flatten().enumerate() {
        check_scope(&format!("{path}.scopes[{at}]"), scope, problems);
    }
    let limit = file.rate_limit.as_deref();
    let rate_limit = limit.and_then(|limit| names.rate_limit(&format!("{path}.rate_limit"), limit, problems));
    Some(CallerSettings {
        name: file.name.clone(),
        known_by: known_by(path, file, issuers, problems)?,
        consents: file.consents.iter().cloned().collect(),
        scopes: file.scopes.as_ref().map(|scopes| scopes.iter().cloned().collect()),
        tenants: tenants(&format!("{path}.tenants"), file.tenants.as_ref(), problems),
        tokens: file.tokens,
        rate_limit,
    })
}

fn known_by(
    path: &str,
    file: &file::ConsentCaller,
    issuers: &Accepted<'_>,
    problems: &mut Problems<'_>,
) -> Option<KnownBy> {
    match (&file.issuer, &file.application, &file.certificate) {
        (None, None, Some(certificate)) => {
            if certificate.trim().is_empty() {
                let fix =
                    "write a DNS name or URI of its client certificate: `spiffe://cluster.local/ns/jobs/sa/nightly`";
                problems.add(&format!("{path}.certificate"), "the name is empty", fix);
            }
            if file.tenant.is_some() {
                problems.add(&format!("{path}.tenant"), "a client certificate has no tenant", "remove it");
            }
            Some(KnownBy::Certificate(certificate.clone()))
        }
        (Some(issuer), Some(application), None) => token(path, file, (issuer, application), issuers, problems),
        _ => {
            let message = "a caller is known by `issuer` and `application`, or by `certificate`";
            problems.add(path, message, "write both of the first, or the other");
            None
        }
    }
}

fn token(
    path: &str,
    file: &file::ConsentCaller,
    (name, application): (&str, &str),
    issuers: &Accepted<'_>,
    problems: &mut Problems<'_>,
) -> Option<KnownBy> {
    let Some(&issuer) = issuers.named.get(name) else {
        let accepted = issuers.issuers.iter().filter(|issuer| issuer.for_access_tokens);
        let known: Vec<&str> = accepted.map(|issuer| issuer.profile.name.as_str()).collect();
        let message = format!("there is no issuer of access tokens `{name}`");
        problems.add(&format!("{path}.issuer"), message, suggest(name, &known));
        return None;
    };
    if application.trim().is_empty() {
        let fix = "write the application's id, as its tokens have it";
        problems.add(&format!("{path}.application"), "the application's id is empty", fix);
    }
    match &file.tenant {
        Some(tenant) => tenant_id(&format!("{path}.tenant"), tenant, problems),
        None if version(issuer).is_some() => {
            let message = "the application's tokens of any tenant would count";
            problems.add(&format!("{path}.tenant"), message, "write the id of the tenant that its tokens are of");
        }
        None => {}
    }
    Some(KnownBy::Token {
        issuer: name.to_owned(),
        tenant: file.tenant.as_deref().map(str::to_ascii_lowercase),
        application: spelled(application),
    })
}

fn tenants(path: &str, file: Option<&file::CallerTenants>, problems: &mut Problems<'_>) -> CallerTenants {
    match file {
        None => CallerTenants::Own,
        Some(file::CallerTenants::One(word)) if word == "own" => CallerTenants::Own,
        Some(file::CallerTenants::One(word)) if word == "any" => CallerTenants::Any,
        Some(file::CallerTenants::One(id)) => {
            if !is_guid(id) {
                let message = format!("`{id}` is neither `own`, `any` nor a tenant id");
                problems.add(path, message, "write `own`, `any`, or a list of tenant ids");
            }
            CallerTenants::Only(BTreeSet::from([id.to_ascii_lowercase()]))
        }
        Some(file::CallerTenants::Several(ids)) => CallerTenants::Only(tenant_ids(path, ids, problems)),
    }
}
