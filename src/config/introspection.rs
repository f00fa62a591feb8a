//! Introspection, from the file to what is used.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::problem::Problems;
use super::values::time;
use super::{Issuer, credentials, file};
use crate::introspection::{IntrospectionSettings, ResponseForm};
use crate::oidc::{AssertionAudience, ClientAuthentication, ClientSettings, ResponseMode};
use mfa_gateway_keys::{KeyLocation, KeySettings, is_loopback};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The settings, if an issuer has opaque tokens.
pub(super) fn build(
    (files, sign_ins): (&[file::Issuer], &[file::SignIn]),
    issuers: &[Issuer],
    keys: &[KeySettings],
    problems: &mut Problems<'_>,
) -> Option<IntrospectionSettings> {
    let mut with = files.iter().enumerate().filter(|(_, issuer)| issuer.introspection.is_some());
    let (at, issuer) = with.next()?;
    for (other, _) in with {
        let message = format!("issuers[{at}] has opaque tokens too, and such a token doesn't say whose it is");
        let fix = "keep `introspection` of one issuer, or run a gateway for each";
        problems.add(&format!("issuers[{other}].introspection"), message, fix);
    }
    for (at, one) in sign_ins.iter().enumerate() {
        if one.own_issuer().is_some_and(|issuer| issuer.introspection.is_some()) {
            let message = "this issuer only signs people in, and none of its access tokens is accepted";
            problems.add(&format!("sign_in[{at}].issuer.introspection"), message, "remove it");
        }
    }
    let path = format!("issuers[{at}].introspection");
    let own = issuer.introspection.as_ref()?;
    if issuer.entra.is_some() {
        let message = "Microsoft Entra ID has no introspection: its access tokens are JWTs";
        problems.add(&path, message, "remove it");
        return None;
    }
    let place = issuers.iter().position(|one| one.profile.name == issuer.name)?;
    let keys = keys.get(issuers.get(place)?.keys)?;
    let endpoint = own.endpoint.as_deref().map(|text| endpoint(&path, text, keys, problems));
    if endpoint.is_none() && !matches!(keys.location, KeyLocation::Discovery { .. }) {
        let message = "the issuer has no discovery document that says where it is asked";
        problems.add(&format!("{path}.endpoint"), message, "write `endpoint: https://…`");
    }
    let authentication = credentials::read(&path, own.credentials(), problems);
    check_authentication(&path, own.authentication, &authentication, keys, problems);
    if own.client_id.trim().is_empty() {
        let fix = "copy the client's id from its registration at the issuer";
        problems.add(&format!("{path}.client_id"), "the client's id is empty", fix);
    }
    let timeout = time(&format!("{path}.timeout"), own.timeout.as_deref(), SECOND * 2, SECOND / 10..=MINUTE, problems);
    let range = SECOND..=MINUTE * 10;
    let cache = time(&format!("{path}.cache"), own.cache.as_deref(), SECOND * 30, range, problems);
    let concurrency = count(&format!("{path}.concurrency"), own.concurrency, 32, 1000, problems);
    let per_second = count(&format!("{path}.requests_per_second"), own.requests_per_second, 200, 100_000, problems);
    Some(IntrospectionSettings {
        issuer: place,
        endpoint: endpoint.flatten(),
        client: ClientSettings {
            client_id: own.client_id.clone(),
            authentication,
            scopes: Vec::new(),
            response_mode: ResponseMode::Query,
            par: false,
            parameters: Vec::new(),
            timeout,
            allow_http: keys.allow_http,
            authorities: keys.authorities.clone(),
        },
        form: match own.response {
            Some(file::IntrospectionResponse::Jwt) => ResponseForm::Jwt,
            Some(file::IntrospectionResponse::Json) | None => ResponseForm::Json,
        },
        cache,
        concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
        per_second,
    })
}

fn check_authentication(
    path: &str,
    file: Option<file::ClientAuthentication>,
    authentication: &ClientAuthentication,
    keys: &KeySettings,
    problems: &mut Problems<'_>,
) {
    if file == Some(file::ClientAuthentication::None) {
        let message = "an issuer says what a token is to clients alone that authenticate (RFC 7662 section 2.1)";
        problems.add(&format!("{path}.authentication"), message, "write another way, with its credential");
    }
    let has_discovery = matches!(keys.location, KeyLocation::Discovery { .. });
    if matches!(authentication, ClientAuthentication::PrivateKeyJwt(_, AssertionAudience::TokenEndpoint))
        && !has_discovery
    {
        let message = "the issuer has no discovery document that names its token endpoint, which assertions are for";
        problems.add(&format!("{path}.assertion_audience"), message, "write `assertion_audience: issuer`");
    }
}

fn endpoint(path: &str, text: &str, keys: &KeySettings, problems: &mut Problems<'_>) -> Option<Url> {
    let path = format!("{path}.endpoint");
    let url = Url::parse(text).ok().filter(|url| url.host().is_some() && url.fragment().is_none());
    let Some(url) = url.filter(|url| url.username().is_empty() && url.password().is_none()) else {
        problems.add(&path, "this is not the URL of an endpoint", "write `https://login.example.com/introspect`");
        return None;
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && (keys.allow_http || is_loopback(&url))) {
        let message = "tokens would be sent without TLS, where others on the network could read them";
        problems.add(&path, message, "write a URL with `https`");
    }
    Some(url)
}

fn count(path: &str, count: Option<u32>, default: u32, most: u32, problems: &mut Problems<'_>) -> u32 {
    let count = count.unwrap_or(default);
    if !(1..=most).contains(&count) {
        problems.add(path, format!("{count} is out of range"), format!("write a number from 1 to {most}"));
    }
    count
}

/// The files with the credentials of those who ask.
pub(super) fn files(issuers: &[file::Issuer]) -> Vec<PathBuf> {
    let asking = issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
    asking.flat_map(|one| one.credentials().files()).collect()
}
