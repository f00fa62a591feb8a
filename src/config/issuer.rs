//! Issuers, from the file to what is used.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::algorithms::algorithms;
use super::keys::{KeyHandling, Sources, file as keys_file};
use super::problem::Problems;
use super::product;
use super::roles::Roles;
use super::token_claims::{class_rule, conditions, home_rule, mfa_rule};
use super::values::{dialect, duration, name, tenant_ids};
use super::{claims, file};
use crate::consent::CERTIFICATE_ISSUER;
use mfa_gateway_core::policy::{IssuerProfile, RoleRules};
use mfa_gateway_core::token::{Algorithm, AuthTimeForm, Cloud, IssuerRule, IssuerRules, Tenants, TokenRules};
use mfa_gateway_keys::KeyLocation;
use mfa_gateway_layer::places::{self, EntraPlace};

/// A trusted issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What decisions and refusals need of it.
    pub profile: Arc<IssuerProfile>,
    /// What its tokens must be like.
    pub rules: TokenRules,
    /// Where its keys come from: the place in [`super::Config::keys`].
    pub keys: usize,
    /// Whether its access tokens are accepted. An issuer of a sign-in alone has ID tokens only.
    pub for_access_tokens: bool,
}

/// An issuer as it is written.
#[derive(Clone, Debug)]
pub(super) struct Written<'d> {
    /// Where it stands.
    pub(super) path: String,
    pub(super) file: file::Issuer,
    /// The same as JSON.
    pub(super) document: &'d Value,
    /// Whether people sign in there: an issuer for that alone needs no audience.
    pub(super) signs_in: bool,
}

/// Builds the issuers.
pub(super) fn build(
    files: Vec<Written<'_>>,
    roles: &Roles,
    keys: &mut Sources,
    problems: &mut Problems<'_>,
) -> Vec<Issuer> {
    let (mut names, mut accepted) = (HashSet::new(), IssuerRules::default());
    let mut issuers: Vec<Issuer> = Vec::new();
    for Written { path, file, document, signs_in } in files {
        name(&path, &file.name, problems);
        if file.name == CERTIFICATE_ISSUER {
            let message = "callers with a client certificate have this name in the place of an issuer's";
            problems.add(&format!("{path}.name"), message, "choose another name");
        }
        if !names.insert(file.name.clone()) {
            problems.add(&format!("{path}.name"), "another issuer has this name", "give each issuer its own name");
        }
        let asked = Asked { fingerprint: product::fingerprint(document), roles: roles.of(&file.name) };
        let new = build_one(&path, &file, asked, keys, problems);
        check_audiences(&path, &file, signs_in, problems);
        if new.iter().any(|new| accepted.overlaps(&new.rules.issuer)) {
            let message = "another issuer accepts the same `iss`, so it is ambiguous which issuer's rules apply";
            let fix =
                "merge the two; Entra's global and US Government clouds share v1.0 issuers, so list each one's tenants";
            problems.add(&path, message, fix);
        }
        for one in &new {
            accepted.add(&one.rules.issuer);
        }
        issuers.extend(new);
    }
    issuers
}

/// What is known of an issuer from elsewhere than its own fields.
struct Asked {
    fingerprint: String,
    roles: RoleRules,
}

fn build_one(
    path: &str,
    file: &file::Issuer,
    asked: Asked,
    keys: &mut Sources,
    problems: &mut Problems<'_>,
) -> Vec<Issuer> {
    let handling = KeyHandling::read(path, &file.keys, problems);
    let given = given_keys(path, file, &handling, problems);
    let sources = match (&file.entra, &file.issuer) {
        (Some(entra), None) => entra_sources(path, entra, problems),
        (None, Some(issuer)) => exact_source(path, issuer, file, given.as_ref(), problems).into_iter().collect(),
        _ => {
            let message = "exactly one of `entra` and `issuer` is required";
            problems.add(path, message, "add `issuer: https://…` for any OIDC issuer, or `entra: { tenants: [...] }`");
            Vec::new()
        }
    };
    let is_entra = sources.iter().any(|source| matches!(source.rule, IssuerRule::Entra { .. }));
    let clock_skew = clock_skew(path, file.clock_skew.as_deref(), problems);
    let profile = Arc::new(IssuerProfile {
        clock_skew,
        name: file.name.clone(),
        mfa: mfa_rule(&format!("{path}.mfa_evidence"), file.mfa_evidence.as_ref(), problems),
        dialect: file.dialect.map(dialect),
        authorization_uri: sources.iter().find_map(|source| source.authorization_uri.clone()),
        told: claims::build(path, &file.claims_to_headers, problems),
        product: product::read(file.product, is_entra, file.issuer.as_deref()),
        roles: asked.roles,
        // Known once the transmitters are.
        event_names: None,
        home: home_rule(path, file.home_claim.as_ref(), is_entra, problems),
        fingerprint: asked.fingerprint,
    });
    let rules = TokenRules {
        issuer: IssuerRule::Exact(String::new()),
        required: conditions(&format!("{path}.required_claims"), &file.required_claims, problems),
        audiences: file.audiences.clone(),
        client_ids: file.client_ids.clone(),
        algorithms: algorithms(path, file.algorithms.as_deref(), &[Algorithm::Rs256], problems),
        clock_skew,
        class: class_rule(path, file, is_entra, problems),
        auth_time: match file.auth_time {
            file::AuthTime::Seconds => AuthTimeForm::Seconds,
            file::AuthTime::Rfc3339 => AuthTimeForm::Rfc3339,
        },
    };
    let mut issuers = Vec::new();
    for source in sources {
        let (field, location) = match &given {
            Some(location) => (if file.jwks_file.is_some() { "jwks_file" } else { "jwks_uri" }, location.clone()),
            None => (source.field, source.location),
        };
        let name = format!("{}{}", file.name, source.suffix);
        let settings = handling.settings(&format!("{path}.{field}"), name, location, problems);
        // With one `jwks_uri` both token versions have the same keys.
        let place = keys.place(settings);
        let rules = TokenRules { issuer: source.rule, ..rules.clone() };
        issuers.push(Issuer { profile: Arc::clone(&profile), rules, keys: place, for_access_tokens: true });
    }
    issuers
}

/// Where the keys are, if the file says it.
fn given_keys(
    path: &str,
    file: &file::Issuer,
    handling: &KeyHandling,
    problems: &mut Problems<'_>,
) -> Option<KeyLocation> {
    let jwks_uri = file.jwks_uri.as_ref().and_then(|text| url(&format!("{path}.jwks_uri"), text, problems));
    if jwks_uri.is_some() && file.jwks_file.is_some() {
        let message = "the keys come from one place, and `jwks_uri` is another";
        problems.add(&format!("{path}.jwks_file"), message, "remove one of `jwks_uri` and `jwks_file`");
    }
    let jwks_file = file.jwks_file.as_ref().map(|file| keys_file(path, file, handling, problems));
    let given = jwks_file.or(jwks_uri.map(KeyLocation::Jwks));
    if file.discovery.is_some() && (given.is_some() || file.issuer.is_none()) {
        let message = "`discovery` says where the keys of an `issuer` are that has no `jwks_uri` and no `jwks_file`";
        problems.add(&format!("{path}.discovery"), message, "remove `discovery`, or the other place");
    }
    given
}

/// One `iss` rule and where its keys are, if the file doesn't say it.
struct Source {
    rule: IssuerRule,
    location: KeyLocation,
    field: &'static str,
    suffix: &'static str,
    authorization_uri: Option<String>,
}

fn exact_source(
    path: &str,
    issuer: &str,
    file: &file::Issuer,
    given: Option<&KeyLocation>,
    problems: &mut Problems<'_>,
) -> Option<Source> {
    let path_of_issuer = format!("{path}.issuer");
    if let Some((message, fix)) = no_issuer(issuer) {
        problems.add(&path_of_issuer, message, fix);
        return None;
    }
    let field = if file.discovery.is_some() { "discovery.url" } else { "issuer" };
    let location = match &file.discovery {
        Some(discovery) => KeyLocation::Discovery {
            url: url(&format!("{path}.discovery.url"), &discovery.url, problems)?,
            issuer: discovery.issuer.as_deref().unwrap_or(issuer).to_owned(),
        },
        // One that isn't usable is a problem already.
        None if file.jwks_uri.is_some() || file.jwks_file.is_some() => given?.clone(),
        None => discovered(&path_of_issuer, issuer, problems)?,
    };
    let rule = IssuerRule::of(issuer);
    Some(Source { authorization_uri: places::authorization_uri(&rule), rule, location, field, suffix: "" })
}

/// Where the issuer's own discovery document is.
fn discovered(path: &str, issuer: &str, problems: &mut Problems<'_>) -> Option<KeyLocation> {
    let Ok(location) = places::discovery(issuer) else {
        let message = "this is not a URL, so the gateway can't tell where the issuer's keys are";
        problems.add(
            path,
            message,
            "write the issuer's URL, or add `jwks_uri: https://…` or `discovery: { url: https://… }`",
        );
        return None;
    };
    let named = match &location {
        KeyLocation::Discovery { issuer, .. } => issuer.as_str(),
        _ => issuer,
    };
    let base = url(path, named, problems)?;
    if base.query().is_some() || base.fragment().is_some() {
        let message = "the issuer has a query or a fragment (OpenID Connect Discovery section 3 forbids both)";
        problems.add(path, message, "copy `issuer` from the discovery document, or add `jwks_uri: https://…`");
        return None;
    }
    Some(location)
}

/// What is wrong with an identifier that no token has as its `iss`, and what to write.
fn no_issuer(issuer: &str) -> Option<(String, String)> {
    const DOCUMENTS: &str = "/.well-known/";
    if issuer.trim().is_empty() {
        return Some(("the issuer is empty".to_owned(), "copy `iss` from a token".to_owned()));
    }
    if let Some((before, _)) = issuer.split_once(DOCUMENTS) {
        let message = "this is the address of a discovery document, not the issuer";
        let fix = format!("copy `issuer` from that document: probably `{before}` or `{before}/`");
        return Some((message.to_owned(), fix));
    }
    if issuer.contains('*') {
        let message = "`*` is no wildcard: the issuer is compared exactly with `iss`";
        return Some((message.to_owned(), "add an entry for each issuer, or `entra: { tenants: any }`".to_owned()));
    }
    let of_entra = Cloud::ALL.iter().any(|cloud| issuer.starts_with(cloud.authority())) || issuer.contains("//sts.");
    let words = ["common", "organizations", "consumers", "{tenantid}", "{tenant}"];
    let word = words.into_iter().find(|word| issuer.split('/').any(|segment| segment == *word))?;
    let message = format!("no token has this `iss`: the tenant's id stands in the place of `{word}`");
    of_entra.then(|| (message, "write `entra: { tenants: any }`, or list the tenants' ids there".to_owned()))
}

/// Entra has two kinds of tokens, each with its own issuer, metadata and keys.
fn entra_sources(path: &str, entra: &file::Entra, problems: &mut Problems<'_>) -> Vec<Source> {
    let cloud = match entra.cloud {
        file::Cloud::Global => Cloud::Global,
        file::Cloud::UsGovernment => Cloud::UsGovernment,
        file::Cloud::China => Cloud::China,
        file::Cloud::Germany => {
            let message = "the German cloud was closed on 2021-10-29";
            problems.add(&format!("{path}.entra.cloud"), message, "use `global`: the tenants were migrated there");
            return Vec::new();
        }
    };
    let tenants = match &entra.tenants {
        file::Tenants::Any(_) => Tenants::Any,
        file::Tenants::List(list) => Tenants::Only(tenant_ids(&format!("{path}.entra.tenants"), list, problems)),
    };
    let source = |place: EntraPlace| Source {
        authorization_uri: places::authorization_uri(&place.rule),
        rule: place.rule,
        location: place.location,
        field: "entra",
        suffix: place.suffix,
    };
    places::entra(cloud, &tenants).into_iter().map(source).collect()
}

fn url(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Url> {
    const FIX: &str = "write a URL such as `https://login.example.com/`";
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
            problems.add(path, "this is not an http or https URL", FIX);
            None
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            problems.add(path, "the URL contains a user name or password, which would appear in logs", FIX);
            None
        }
        Ok(url) => Some(url),
        Err(_) => {
            problems.add(path, "this is not an http or https URL", FIX);
            None
        }
    }
}

fn check_audiences(path: &str, file: &file::Issuer, signs_in: bool, problems: &mut Problems<'_>) {
    let path_of_list = format!("{path}.audiences");
    let list = &file.audiences;
    if list.is_empty() && file.client_ids.is_empty() && !signs_in || list.iter().any(String::is_empty) {
        let message = "there is no audience: without one, the gateway would accept tokens for any API";
        let fix = "list the API's identifiers as they appear in `aud`: [https://api.example.com]";
        problems.add(&path_of_list, message, fix);
    }
    if file.client_ids.iter().any(String::is_empty) {
        let message = "a client id is empty";
        problems.add(&format!("{path}.client_ids"), message, "list the ids as they appear in `client_id`");
    }
    let exact = [(&path_of_list, "aud", list), (&format!("{path}.client_ids"), "client_id", &file.client_ids)];
    for (path, claim, list) in exact {
        for (at, _) in list.iter().enumerate().filter(|(_, value)| value.contains('*')) {
            let message = format!("`*` is no wildcard: the values are compared exactly with `{claim}`");
            let fix = format!("list each value as it appears in `{claim}`; `mfa-gateway explain` shows a token's");
            problems.add(&format!("{path}[{at}]"), message, fix);
        }
    }
}

fn clock_skew(path: &str, text: Option<&str>, problems: &mut Problems<'_>) -> Duration {
    let path = format!("{path}.clock_skew");
    let skew = duration(&path, text, Duration::from_secs(60), problems);
    if skew > Duration::from_secs(300) {
        problems.add(
            &path,
            "a clock skew of more than 5 minutes would accept expired tokens for too long",
            "write at most `5m`",
        );
    }
    skew
}
