//! Protected resources, from the file to the documents that the gateway serves (RFC 9728).

use std::sync::Arc;

use url::Url;

use super::file;
use super::issuer::Issuer;
use super::problem::Problems;
use crate::gateway::Resource;
use crate::routing::{Route, TokenPlace};
use crate::server;
use mfa_gateway_core::policy::{Requirement, SenderConstraint};
use mfa_gateway_layer::{ResourceMetadata, SenderSettings};

/// What the metadata tells of the rest of the configuration.
type Told<'t> = (&'t [Issuer], &'t SenderSettings, &'t server::Settings);

/// Builds the documents, and tells each route where that of its resource is.
pub(super) fn build(
    files: &[file::Resource],
    routes: &mut [Route],
    told: Told<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Resource> {
    let mut built: Vec<(Url, Resource)> = Vec::new();
    let (_, _, server) = told;
    if server.listeners.is_empty() && !files.is_empty() {
        let message = "authorizers judge requests and serve nothing, and there is no listener";
        problems.add(
            "resource_metadata",
            message,
            "add a listener, and have the proxy send the documents' paths there",
        );
    }
    for (at, file) in files.iter().enumerate() {
        let path = format!("resource_metadata[{at}]");
        let Some(url) = identifier(&format!("{path}.resource"), &file.resource, problems) else { continue };
        if built.iter().any(|(other, _)| *other == url) {
            let message = "another resource has this identifier";
            problems.add(&format!("{path}.resource"), message, "describe each resource once");
            continue;
        }
        check_links(&path, file, problems);
        let mut own: Vec<&mut Route> = routes.iter_mut().filter(|route| belongs(route, &url)).collect();
        let document = document(file, &own, told);
        let (host, metadata) = (authority(&url), ResourceMetadata::path_of(url.path()));
        let address: Arc<str> = [url.scheme(), "://", &host, &metadata].concat().into();
        for route in &mut own {
            let mut others = built.iter().filter(|(other, _)| belongs(route, other));
            if let Some((other, _)) = others.clone().find(|(other, _)| authority(other) != host) {
                let message = format!(
                    "`{}` is a part of this resource and of {other}, and its challenges can name one",
                    route.pattern.as_written()
                );
                problems.add(&format!("{path}.resource"), message, "give the route a `host`");
            }
            if others.all(|(other, _)| other.path().len() < url.path().len()) {
                route.metadata = Some(Arc::clone(&address));
            }
        }
        built.push((url, Resource { host, path: metadata, document: document.into() }));
    }
    built.into_iter().map(|(_, resource)| resource).collect()
}

/// Reads an identifier (RFC 9728 section 1.2).
fn identifier(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Url> {
    let is_local = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_good = |url: &Url| {
        (url.scheme() == "https" || url.scheme() == "http" && is_local(url))
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let url = Url::parse(text).ok().filter(is_good);
    if url.is_none() {
        let message = "this is not an https URL without user, query and fragment";
        problems.add(path, message, "write the URL under which clients know the API: `https://api.example.com/v1`");
    }
    url
}

fn check_links(path: &str, file: &file::Resource, problems: &mut Problems<'_>) {
    let servers = file.authorization_servers.iter().flatten().map(|text| ("authorization_servers", text));
    let links = file.documentation.iter().map(|text| ("documentation", text)).chain(servers);
    for (field, _) in links.filter(|(_, text)| Url::parse(text).is_err()) {
        problems.add(&format!("{path}.{field}"), "this is not a URL", "write `https://login.example.com/`");
    }
    let is_scope = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if file.scopes.iter().any(|scope| scope.is_empty() || !scope.bytes().all(is_scope)) {
        let message = "a scope is empty or has a character that no scope has (RFC 6749 section 3.3)";
        problems.add(&format!("{path}.scopes"), message, "write one scope per entry, without spaces and quotes");
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether all paths of a route lie within a resource.
fn belongs(route: &Route, resource: &Url) -> bool {
    let (pattern, own) = (route.pattern.as_written(), resource.path().trim_end_matches('/'));
    let below = pattern.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let host = resource.host_str().unwrap_or_default();
    below && (route.hosts.is_empty() || route.hosts.iter().any(|named| named.covers(host)))
}

fn document(file: &file::Resource, routes: &[&mut Route], (issuers, senders, server): Told<'_>) -> String {
    let with_token = || routes.iter().filter(|route| route.rule.requirement != Requirement::Public);
    let mut metadata = ResourceMetadata {
        scopes: file.scopes.clone(),
        name: file.name.clone(),
        documentation: file.documentation.clone(),
        dpop_algorithms: senders.rules.algorithms.iter().map(|one| one.name().to_owned()).collect(),
        dpop_required: with_token().next().is_some()
            && with_token().all(|route| route.rule.sender == SenderConstraint::Dpop),
        certificates: server.asks_clients(),
        mfa_required: with_token().any(|route| matches!(route.rule.requirement, Requirement::Mfa { .. })),
        ..ResourceMetadata::new(&file.resource)
    };
    if with_token().all(|route| route.token_from != TokenPlace::Authorization) {
        metadata.bearer_methods.clear();
    }
    for issuer in issuers.iter().filter(|issuer| issuer.for_access_tokens) {
        metadata.trust(&issuer.rules.issuer, &issuer.profile.mfa);
    }
    if let Some(servers) = &file.authorization_servers {
        metadata.authorization_servers.clone_from(servers);
    }
    metadata.to_json()
}
