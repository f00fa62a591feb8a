//! Issuers, from the file to what is used.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::algorithms::algorithms;
use super::keys::{KeyHandling, file as keys_file};
use super::problem::Problems;
use super::product;
use super::values::{dialect, duplicate, duration, name, optional_duration, tenant_ids};
use super::{claims, file};
use mfa_gateway_core::policy::{IssuerProfile, MfaRule, Predicate, Test};
use mfa_gateway_core::token::{AppOnlyProof, Cloud, EntraVersion, IssuerRule, Tenants, TokenRules};
use mfa_gateway_keys::{KeyLocation, KeySettings};

/// A trusted issuer.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What decisions and refusals need of it.
    pub profile: Arc<IssuerProfile>,
    /// What its tokens must be like.
    pub rules: TokenRules,
    /// Where its keys come from: the place in [`super::Config::keys`].
    pub keys: usize,
}

/// Builds the issuers. `written` is their section of the file.
pub(super) fn build(
    files: Vec<file::Issuer>,
    written: &Value,
    keys: &mut Vec<KeySettings>,
    problems: &mut Problems<'_>,
) -> Vec<Issuer> {
    let names: Vec<String> = files.iter().map(|issuer| issuer.name.clone()).collect();
    let mut issuers: Vec<Issuer> = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("issuers[{at}]");
        name(&path, &file.name, problems);
        if duplicate(&names, at) {
            problems.add(&format!("{path}.name"), "another issuer has this name", "give each issuer its own name");
        }
        let new = build_one(&path, &file, &product::fingerprint(&written[at]), keys, problems);
        let overlap = |issuer: &Issuer| new.iter().any(|new| new.rules.issuer.overlaps(&issuer.rules.issuer));
        if issuers.iter().any(overlap) {
            let message = "another issuer accepts the same `iss`, so it is ambiguous which issuer's rules apply";
            let fix =
                "merge the two; Entra's global and US Government clouds share v1.0 issuers, so list each one's tenants";
            problems.add(&path, message, fix);
        }
        issuers.extend(new);
    }
    issuers
}

fn build_one(
    path: &str,
    file: &file::Issuer,
    fingerprint: &str,
    keys: &mut Vec<KeySettings>,
    problems: &mut Problems<'_>,
) -> Vec<Issuer> {
    let sources = match (&file.entra, &file.issuer) {
        (Some(entra), None) => entra_sources(path, entra, problems),
        (None, Some(issuer)) => exact_source(path, issuer, problems).into_iter().collect(),
        _ => {
            let message = "exactly one of `entra` and `issuer` is required";
            problems.add(path, message, "add `issuer: https://…` for any OIDC issuer, or `entra: { tenants: [...] }`");
            Vec::new()
        }
    };
    let is_entra = sources.iter().any(|source| matches!(source.rule, IssuerRule::Entra { .. }));
    let jwks_uri = file.jwks_uri.as_ref().and_then(|text| url(&format!("{path}.jwks_uri"), text, problems));
    if jwks_uri.is_some() && file.jwks_file.is_some() {
        let message = "the keys come from one place, and `jwks_uri` is another";
        problems.add(&format!("{path}.jwks_file"), message, "remove one of `jwks_uri` and `jwks_file`");
    }
    let profile = Arc::new(IssuerProfile {
        name: file.name.clone(),
        mfa: mfa_rule(&format!("{path}.mfa_evidence"), file.mfa_evidence.as_ref(), problems),
        dialect: file.dialect.map(dialect),
        authorization_uri: sources.iter().find_map(|source| source.authorization_uri.clone()),
        told: claims::build(path, &file.claims_to_headers, problems),
        product: product::read(file.product, is_entra, file.issuer.as_deref()),
        fingerprint: fingerprint.to_owned(),
    });
    let rules = TokenRules {
        issuer: IssuerRule::Exact(String::new()),
        audiences: audiences(path, &file.audiences, problems),
        algorithms: algorithms(path, file.algorithms.as_deref(), problems),
        clock_skew: clock_skew(path, file.clock_skew.as_deref(), problems),
        app_only_proof: app_only_proof(file.app_only_proof, is_entra),
    };
    let handling = KeyHandling::read(path, &file.keys, problems);
    let jwks_file = file.jwks_file.as_ref().map(|file| keys_file(path, file, &handling, problems));
    let place = jwks_file.or(jwks_uri.map(KeyLocation::Jwks));
    let mut issuers = Vec::new();
    for source in sources {
        let location = place.clone().unwrap_or(source.location);
        let settings = handling.settings(path, format!("{}{}", file.name, source.suffix), location, problems);
        // With one `jwks_uri` both token versions have the same keys.
        let place = keys.iter().position(|known| known.same_source(&settings)).unwrap_or_else(|| {
            keys.push(settings);
            keys.len() - 1
        });
        let rules = TokenRules { issuer: source.rule, ..rules.clone() };
        issuers.push(Issuer { profile: Arc::clone(&profile), rules, keys: place });
    }
    issuers
}

/// One `iss` rule and where its keys are, before `jwks_uri` is considered.
struct Source {
    rule: IssuerRule,
    location: KeyLocation,
    suffix: &'static str,
    authorization_uri: Option<String>,
}

fn exact_source(path: &str, issuer: &str, problems: &mut Problems<'_>) -> Option<Source> {
    let base = url(&format!("{path}.issuer"), issuer, problems)?;
    if base.query().is_some() || base.fragment().is_some() {
        let message = "the issuer has a query or a fragment (OpenID Connect Discovery section 3 forbids both)";
        problems.add(&format!("{path}.issuer"), message, "copy `issuer` from the discovery document");
        return None;
    }
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = url(&format!("{path}.issuer"), &document, problems)?;
    let rule = IssuerRule::of(issuer);
    let authorization_uri = match &rule {
        IssuerRule::Entra { cloud, .. } => Some(authorization_uri(*cloud)),
        IssuerRule::Exact(_) => None,
    };
    let location = KeyLocation::Discovery { url, issuer: issuer.to_owned() };
    Some(Source { rule, location, suffix: "", authorization_uri })
}

/// Entra has two kinds of tokens, each with its own issuer, metadata and keys. Keys of a single tenant come from its
/// own endpoint, those of several from the common one.
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
    let single = match &tenants {
        Tenants::Only(only) if only.len() == 1 => only.first().cloned(),
        _ => None,
    };
    let (segment, in_issuer) = single.as_deref().map_or(("common", "{tenantid}"), |tenant| (tenant, tenant));
    let versions = [(EntraVersion::V1, "", " v1.0"), (EntraVersion::V2, "/v2.0", " v2.0")];
    let source = |(version, part, suffix): (EntraVersion, &str, &'static str)| {
        let document = format!("{}/{segment}{part}/.well-known/openid-configuration", cloud.authority());
        let location =
            KeyLocation::Discovery { url: Url::parse(&document).ok()?, issuer: cloud.issuer(version, in_issuer) };
        let rule = IssuerRule::Entra { cloud, version, tenants: tenants.clone() };
        Some(Source { rule, location, suffix, authorization_uri: Some(authorization_uri(cloud)) })
    };
    versions.into_iter().filter_map(source).collect()
}

fn authorization_uri(cloud: Cloud) -> String {
    format!("{}/common/oauth2/v2.0/authorize", cloud.authority())
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

fn audiences(path: &str, list: &[String], problems: &mut Problems<'_>) -> Vec<String> {
    if list.is_empty() || list.iter().any(String::is_empty) {
        let message = "there is no audience: without one, the gateway would accept tokens for any API";
        let fix = "list the API's identifiers as they appear in `aud`: [https://api.example.com]";
        problems.add(&format!("{path}.audiences"), message, fix);
    }
    list.to_vec()
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

fn app_only_proof(file: Option<file::AppOnlyProof>, is_entra: bool) -> AppOnlyProof {
    match file {
        Some(file::AppOnlyProof::Entra) => AppOnlyProof::Entra,
        Some(file::AppOnlyProof::Idtyp) => AppOnlyProof::Idtyp,
        Some(file::AppOnlyProof::Rfc9068) => AppOnlyProof::Rfc9068,
        Some(file::AppOnlyProof::None) => AppOnlyProof::None,
        None if is_entra => AppOnlyProof::Entra,
        Some(file::AppOnlyProof::Any) | None => AppOnlyProof::Any,
    }
}

fn mfa_rule(path: &str, file: Option<&file::MfaEvidence>, problems: &mut Problems<'_>) -> MfaRule {
    let Some(file) = file else { return MfaRule::default() };
    let max_age = optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems);
    let mut read = |field: &str, list: &[file::Predicate]| -> Vec<Predicate> {
        let predicate = |(at, one)| predicate(&format!("{path}.{field}[{at}]"), one, problems);
        list.iter().enumerate().filter_map(predicate).collect()
    };
    let (mut any, all, deny) = (read("any", &file.any), read("all", &file.all), read("deny", &file.deny));
    if file.any.is_empty() && file.all.is_empty() {
        any = MfaRule::default().any;
    }
    MfaRule { any, all, deny, max_age }
}

fn predicate(path: &str, file: &file::Predicate, problems: &mut Problems<'_>) -> Option<Predicate> {
    let claim = match &file.claim {
        file::ClaimPath::Name(name) => vec![name.clone()],
        file::ClaimPath::Path(names) => names.clone(),
    };
    if claim.is_empty() || claim.iter().any(String::is_empty) {
        problems.add(&format!("{path}.claim"), "the claim's name is empty", "write a claim's name, such as `amr`");
        return None;
    }
    let test = match (&file.contains, &file.equals) {
        (Some(value), None) if !value.is_empty() => Test::Contains(value.clone()),
        (None, Some(value)) if !value.is_empty() => Test::Equals(value.clone()),
        _ => {
            let message = "exactly one of `contains` and `equals` is required, with a value";
            problems.add(path, message, "write `{ claim: amr, contains: mfa }` or `{ claim: acr, equals: … }`");
            return None;
        }
    };
    Some(Predicate { claim, test })
}
