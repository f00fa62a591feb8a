//! The authorizers, from the file to what is used.

use std::sync::Arc;

use super::address::{check_address, networks};
use super::problem::Problems;
use super::{Admin, address, file, tls};
use crate::faces::{Kind, Peers, Settings};
use crate::gateway::Assertions;
use crate::routing::CanonicalPath;
use crate::server::{Address, Listener};

/// The path of questions over HTTP, where none is configured.
const DEFAULT_PATH: &str = "/authorize";

/// An authorizer: where it listens, and what it is.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Where it listens.
    pub listener: Listener,
    /// What it is.
    pub settings: Arc<Settings>,
}

pub(super) fn build(
    file: &file::File,
    (listeners, admin): (&[Listener], Option<&Admin>),
    assertions: Option<&Arc<Assertions>>,
    problems: &mut Problems<'_>,
) -> Vec<Authorizer> {
    let mut taken: Vec<Address> = listeners.iter().map(|one| one.address.clone()).collect();
    if let Some(admin) = admin {
        if taken.iter().any(|other| other.excludes(&admin.address)) {
            let fix = "give it another port, such as 9090";
            problems.add("admin.address", "a listener already uses this address", fix);
        }
        taken.push(admin.address.clone());
    }
    let mut authorizers: Vec<Authorizer> = Vec::new();
    let files = &file.authorizers;
    for (at, file) in files.iter().enumerate() {
        let path = format!("authorizers[{at}]");
        if files.iter().take(at).any(|other| other.name == file.name) {
            problems.add(&format!("{path}.name"), "another authorizer has this name", "give it a name of its own");
        }
        let field = format!("{path}.address");
        let address = address::build(&field, &file.address, problems);
        if let Some(address) = &address {
            check_address(&field, address, &taken, problems);
            taken.push(address.clone());
        }
        let tls = file.tls.as_ref().and_then(|tls| tls::build(&format!("{path}.tls"), tls, problems));
        let settings = Settings {
            name: file.name.clone(),
            kind: kind(file.kind),
            peers: peers(&format!("{path}.peers"), file, problems),
            path: own_path(&format!("{path}.path"), file, problems),
            assertion: assertions.filter(|_| file.assertion).cloned(),
        };
        let Some(address) = address else { continue };
        let listener = Listener { address, tls, proxy_protocol: false };
        authorizers.push(Authorizer { listener, settings: Arc::new(settings) });
    }
    authorizers
}

fn kind(file: file::AuthorizerKind) -> Kind {
    match file {
        file::AuthorizerKind::Envoy => Kind::Envoy,
        file::AuthorizerKind::EnvoyHttp => Kind::EnvoyHttp,
        file::AuthorizerKind::Nginx => Kind::Nginx,
        file::AuthorizerKind::ForwardAuth => Kind::ForwardAuth,
    }
}

fn peers(path: &str, file: &file::Authorizer, problems: &mut Problems<'_>) -> Peers {
    let file::AuthorizerPeers { addresses, certificate_names } = &file.peers;
    let clients = file.tls.as_ref().and_then(|tls| tls.client_certificates.as_ref());
    if !certificate_names.is_empty() && clients.is_none() {
        let fix = "add `tls.client_certificates` with the `ca_file` of the proxies' certificates";
        problems.add(&format!("{path}.certificate_names"), "no client certificate is verified here", fix);
    }
    if addresses.is_empty() && certificate_names.is_empty() {
        let fix = "list the proxies that may ask: `peers: { addresses: [10.0.0.5] }`";
        problems.warn(path, "nobody may ask this authorizer, so it refuses every request", fix);
    }
    Peers {
        addresses: networks(&format!("{path}.addresses"), addresses, problems),
        certificate_names: certificate_names.clone(),
    }
}

fn own_path(field: &str, file: &file::Authorizer, problems: &mut Problems<'_>) -> String {
    let Some(path) = &file.path else { return DEFAULT_PATH.to_owned() };
    if file.kind == file::AuthorizerKind::Envoy {
        problems.add(field, "the path of gRPC questions is fixed", "remove it");
    }
    let is_canonical = CanonicalPath::parse(path).and_then(CanonicalPath::unambiguous).is_ok();
    if !is_canonical || path.ends_with('/') {
        problems.add(field, "this is not a path without a slash at its end", "write a path: `/authorize`");
    }
    path.clone()
}
