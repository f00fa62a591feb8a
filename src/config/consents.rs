//! Consents, from the file to what is used.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::issuer_names::ByName;
use super::problem::Problems;
use super::sign_in::{is_scope, of_endpoint, version};
use super::suggest::suggest;
use super::tenant_endpoint::{self, Role};
use super::values::{name, time};
use super::{Issuer, credentials, file};
use crate::consent::ConsentSettings;
use crate::oidc::{Asks, ClientSettings, ResponseMode, is_reserved};
use mfa_gateway_core::policy::Product;
use mfa_gateway_keys::{KeyLocation, KeySettings};
use mfa_gateway_store::{Kind, SealingKeys, StoreSettings};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Builds the consents. One with problems is left out.
pub(super) fn build(
    file: &file::File,
    issuers: &[Issuer],
    keys: &[KeySettings],
    problems: &mut Problems<'_>,
) -> Vec<ConsentSettings> {
    let (mut names, issuers) = (HashSet::new(), ByName::of(issuers));
    let mut settings = Vec::new();
    for (at, one) in file.consents.iter().enumerate() {
        let path = format!("consents[{at}]");
        name(&path, &one.name, problems);
        if !names.insert(&one.name) {
            problems.add(&format!("{path}.name"), "another consent has this name", "give each consent its own name");
        }
        settings.extend(build_one(&path, one, &issuers, keys, problems));
    }
    settings
}

/// The keys that seal them, if there are any to seal.
pub(super) fn sealing_keys(
    file: &file::File,
    store: Option<&StoreSettings>,
    problems: &mut Problems<'_>,
) -> Option<SealingKeys> {
    const FIX: &str = "make a key with `openssl rand -base64 32 > consent.key`, and name the file: `[consent.key]`";
    if file.consents.is_empty() {
        if file.consent_keys.is_some() {
            problems.warn("consent_keys", "there is no consent to seal", "remove the field, or add `consents`");
        }
        return None;
    }
    if store.is_some_and(|store| matches!(store.kind, Kind::Memory)) {
        let message = "consents are kept in memory, so that each has to be given again after a restart";
        problems.warn(
            "consents",
            message,
            "add `state: { directory: /var/lib/mfa-gateway }`, or `store` with Postgres",
        );
    }
    let Some(names) = &file.consent_keys else {
        problems.add("consent_keys", "refresh tokens are sealed in the store, and no key is named", FIX);
        return None;
    };
    let files: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
    SealingKeys::read(&files).map_err(|error| problems.add("consent_keys", error.to_string(), FIX)).ok()
}

/// The files that consents are read from.
pub(super) fn files(consents: &[file::Consent], keys: Option<&[String]>) -> Vec<PathBuf> {
    let keys = keys.into_iter().flatten().map(PathBuf::from);
    consents.iter().flat_map(|one| one.credentials().files()).chain(keys).collect()
}

fn build_one(
    path: &str,
    file: &file::Consent,
    issuers: &ByName<'_>,
    keys: &[KeySettings],
    problems: &mut Problems<'_>,
) -> Option<ConsentSettings> {
    let at = of_endpoint(path, &file.issuer, file.endpoint, issuers, problems);
    let issuer = at.and_then(|at| issuers.all.get(at));
    let keys = issuer.and_then(|issuer| keys.get(issuer.keys));
    if keys.is_some_and(|keys| !matches!(keys.location, KeyLocation::Discovery { .. })) {
        let message = "the issuer's endpoints stand in its discovery document, and the issuer has only keys";
        let fix = "remove `jwks_uri` or `jwks_file` there, or write `discovery`";
        problems.add(&format!("{path}.issuer"), message, fix);
    }
    let tenant = file.tenant.as_deref().map(str::to_ascii_lowercase);
    let is_entra = issuer.is_some_and(|issuer| version(issuer).is_some());
    if is_entra && tenant.is_none() {
        let message = "anybody of any tenant could give this consent";
        problems.add(&format!("{path}.tenant"), message, "write the id of the tenant in which it is given");
    }
    let (text, field) = (file.lapses.as_deref(), format!("{path}.lapses"));
    let lapses = time(&field, text, DAY * 90, DAY..=DAY * 3650, problems);
    let (text, field) = (file.margin.as_deref(), format!("{path}.margin"));
    let margin = time(&field, text, MINUTE * 5, SECOND..=MINUTE * 30, problems);
    let token = (Role::Token, file.tenant_token_endpoint.as_deref());
    Some(ConsentSettings {
        name: file.name.clone(),
        issuer: at?,
        client: client(path, file, keys, problems),
        asks: asks(issuer?),
        tenant,
        user: file.user.clone(),
        role: role(path, file, issuer?, problems),
        leeway: issuer?.rules.clock_skew,
        scope: file.scope.clone(),
        elsewhere: tenant_endpoint::read(path, token, (&issuer?.rules.issuer, keys), problems),
        single_use: file.single_use.unwrap_or(!is_entra),
        margin,
        lapses,
    })
}

/// A new sign-in with MFA, in the words that the issuer's product takes for it.
fn asks(issuer: &Issuer) -> Asks {
    let product = issuer.profile.product;
    // With it, other issuers must say when the sign-in was. Entra lets the ID token expire so much after the password.
    let max_age = (product != Product::Entra).then_some(0);
    let step_up = Asks::step_up(product, version(issuer), &issuer.profile.mfa);
    Asks { prompt: Some("login".to_owned()), max_age, ..step_up }
}

/// The role that the user needs.
fn role(path: &str, file: &file::Consent, issuer: &Issuer, problems: &mut Problems<'_>) -> Option<String> {
    let name = file.role.as_ref()?;
    let roles = &issuer.profile.roles;
    if roles.get(name).is_none() {
        let known: Vec<&str> = roles.as_slice().iter().map(|role| &*role.name).collect();
        let fix = if known.is_empty() {
            format!("define it: `roles: [{{ name: {name}, any: [{{ claim: groups, contains: … }}] }}]`")
        } else {
            suggest(name, &known)
        };
        problems.add(&format!("{path}.role"), format!("the issuer's callers can have no role `{name}`"), fix);
    }
    Some(name.clone())
}

fn client(path: &str, file: &file::Consent, keys: Option<&KeySettings>, problems: &mut Problems<'_>) -> ClientSettings {
    if file.client_id.trim().is_empty() || file.client_id.chars().any(char::is_control) {
        let fix = "copy the client's id from its registration at the issuer";
        problems.add(&format!("{path}.client_id"), "the client's id is empty, or can't be sent", fix);
    }
    for name in file.parameters.keys().filter(|name| is_reserved(name)) {
        let message = format!("the gateway sets `{name}` itself");
        problems.add(&format!("{path}.parameters.{name}"), message, "remove it");
    }
    let (text, field) = (file.timeout.as_deref(), format!("{path}.timeout"));
    ClientSettings {
        client_id: file.client_id.clone(),
        authentication: credentials::read(path, file.credentials(), problems),
        scopes: scopes(path, file, problems),
        response_mode: ResponseMode::Query,
        par: false,
        parameters: file.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        timeout: time(&field, text, SECOND * 10, SECOND / 10..=SECOND * 60, problems),
        allow_http: keys.is_some_and(|keys| keys.allow_http),
        authorities: keys.map(|keys| keys.authorities.clone()).unwrap_or_default(),
    }
}

fn scopes(path: &str, file: &file::Consent, problems: &mut Problems<'_>) -> Vec<String> {
    const FIX: &str = "write one scope: `https://api.partnercenter.microsoft.com/.default`";
    let own = || ["profile", "offline_access"].into_iter().chain(file.scope.as_deref()).map(str::to_owned).collect();
    let scopes = file.scopes.clone().unwrap_or_else(own);
    if file.scope.as_deref().is_some_and(|scope| !is_scope(scope)) {
        problems.add(&format!("{path}.scope"), "this is not one scope", FIX);
    }
    for at in (0..scopes.len()).filter(|at| file.scopes.is_some() && !is_scope(&scopes[*at])) {
        problems.add(&format!("{path}.scopes[{at}]"), "this is not one scope", FIX);
    }
    if !scopes.iter().any(|scope| scope == "offline_access") {
        let message = "without `offline_access`, Entra and others give no refresh token";
        problems.warn(&format!("{path}.scopes"), message, "add `offline_access`");
    }
    scopes
}
