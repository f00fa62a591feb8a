//! The authorizers, from the file to what is used.

use std::collections::HashSet;
use std::sync::Arc;

use super::address::{check_address, networks};
use super::problem::Problems;
use super::sign_in::Place;
use super::suggest::suggest;
use super::{Admin, address, file, tls};
use crate::faces::{Kind, Peers, Settings};
use crate::gateway::Assertions;
use crate::gateway::assertion::KEYS_PATH;
use crate::routing::CanonicalPath;
use crate::server::{Address, Listener, UNIX};

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
    let mut names = HashSet::new();
    for (at, file) in file.authorizers.iter().enumerate() {
        let path = format!("authorizers[{at}]");
        if !names.insert(&file.name) {
            problems.add(&format!("{path}.name"), "another authorizer has this name", "give it a name of its own");
        }
        let field = format!("{path}.address");
        let address = address::of_authorizer(&field, &file.address, problems);
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
    let file::AuthorizerPeers { addresses, certificate_names, users } = &file.peers;
    let by_users = file.address.starts_with(UNIX);
    if by_users {
        of_unix_socket(path, file, problems);
    } else if !users.is_empty() {
        let fix = "list `addresses`, or have the authorizer listen on a file: `unix:/run/mfa-gateway/authorizer.sock`";
        problems.add(&format!("{path}.users"), "the user of a process is known at a Unix socket alone", fix);
    }
    let clients = file.tls.as_ref().and_then(|tls| tls.client_certificates.as_ref());
    if !by_users && !certificate_names.is_empty() && clients.is_none() {
        let fix = "add `tls.client_certificates` with the `ca_file` of the proxies' certificates";
        problems.add(&format!("{path}.certificate_names"), "no client certificate is verified here", fix);
    }
    if addresses.is_empty() && certificate_names.is_empty() && users.is_empty() {
        let fix = if by_users {
            "list the users whose processes may ask, as `id -u` writes them: `peers: { users: [33] }`"
        } else {
            "list the proxies that may ask: `peers: { addresses: [10.0.0.5] }`"
        };
        problems.warn(path, "nobody may ask this authorizer, so it refuses every request", fix);
    }
    Peers {
        addresses: networks(&format!("{path}.addresses"), addresses, problems),
        certificate_names: certificate_names.clone(),
        users: users.clone(),
    }
}

/// The user that stands for those of other namespaces, and for nobody in particular (`user_namespaces(7)`).
const OVERFLOW_USER: u32 = 65534;

/// Checks what is said about an authorizer that is a Unix socket.
fn of_unix_socket(peers: &str, file: &file::Authorizer, problems: &mut Problems<'_>) {
    let others = [
        (!file.peers.addresses.is_empty(), "addresses"),
        (!file.peers.certificate_names.is_empty(), "certificate_names"),
    ];
    for (_, field) in others.iter().filter(|(given, _)| *given) {
        let fix = "list the users whose processes may ask: `peers: { users: [33] }`";
        problems.add(
            &format!("{peers}.{field}"),
            "the peers of a Unix socket have neither address nor certificate",
            fix,
        );
    }
    if file.tls.is_some() {
        let path = peers.strip_suffix("peers").unwrap_or(peers);
        problems.add(&format!("{path}tls"), "a Unix socket has no TLS", "remove it; no network sees what passes there");
    }
    if let Some(at) = file.peers.users.iter().position(|user| *user == OVERFLOW_USER) {
        let message = "the kernel reports this user for every process of another user namespace";
        let fix = "have the proxy's process run as a user that the gateway's namespace knows";
        problems.warn(&format!("{peers}.users[{at}]"), message, fix);
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
    if kind(file.kind).is_asked_at(path, KEYS_PATH) {
        let message = format!("`{KEYS_PATH}`, where the keys of assertions are, would be a question here");
        problems.add(field, message, "write another path: `/authorize`");
    }
    path.clone()
}

/// The file with the authorizers' sign-in at the routes that they alone judge, take sessions, and name none.
pub(super) fn name_sign_ins(mut file: file::File, places: &[Place], problems: &mut Problems<'_>) -> file::File {
    let known: Vec<&str> =
        places.iter().filter(|place| !place.for_operators).map(|place| place.name.as_str()).collect();
    let mut named: Vec<&String> = Vec::new();
    for (at, authorizer) in file.authorizers.iter().enumerate() {
        let Some(name) = &authorizer.sign_in else { continue };
        let field = format!("authorizers[{at}].sign_in");
        if places.iter().any(|place| place.for_operators && place.name == *name) {
            let message = format!("the sign-in `{name}` is for operators, on the admin listener");
            problems.add(&field, message, "name another, or remove it from `admin.authentication.sign_in`");
        } else if known.contains(&name.as_str()) {
            named.push(name);
        } else {
            problems.add(&field, format!("there is no sign-in `{name}`"), suggest(name, &known));
        }
    }
    let default = named.first().filter(|first| named.iter().all(|name| name == *first)).map(|name| (*name).clone());
    let all_name_one = !named.is_empty() && named.len() == file.authorizers.len();
    let here = |route: &file::Route| {
        route.serve == Some(file::Serve::Authorizers) && route.takes() != file::Credential::Bearer
    };
    for (at, route) in file.routes.iter().enumerate().filter(|(_, route)| here(route)) {
        let other = route.sign_in.as_ref().filter(|name| known.contains(&name.as_str()) && !named.contains(name));
        if let Some(other) = other.filter(|_| all_name_one) {
            let message = format!("only authorizers judge this route, and each has another sign-in than `{other}`");
            let fix = "name one of theirs, or remove `sign_in` from an authorizer that is asked about this route";
            problems.warn(&format!("routes[{at}].sign_in"), message, fix);
        }
    }
    for route in file.routes.iter_mut().filter(|route| here(route)) {
        if route.sign_in.is_none() {
            route.sign_in.clone_from(&default);
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::config::Config;

    const FILE: &str = "
authorizers: [{ name: web, kind: nginx, MORE }]
routes: [{ prefix: /, serve: authorizers, require: public }]
";

    /// What is said about an authorizer: its problems, or its warnings.
    fn told(more: &str) -> String {
        match Config::parse("f", &FILE.replace("MORE", more), HashMap::new()) {
            Ok(config) => {
                let fields: Vec<_> = config.warnings.iter().map(|warning| warning.problem().field.clone()).collect();
                fields.join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_unix_socket_takes_users_and_an_address_takes_addresses() {
        assert_eq!(told("address: \"unix:/run/a.sock\", peers: { users: [33, 0] }"), "");
        assert_eq!(told("address: \"unix:/run/a.sock\""), "authorizers[0].peers");
        assert_eq!(told("address: \"unix:/run/a.sock\", peers: { users: [65534] }"), "authorizers[0].peers.users[0]");
        for (more, words) in [
            ("address: \"unix:/run/a.sock\", peers: { addresses: [127.0.0.1] }", "neither address nor certificate"),
            ("address: \"unix:/run/a.sock\", peers: { users: [1], certificate_names: [a] }", "neither address nor"),
            ("address: \"unix:/run/a.sock\", tls: { certificates: [] }, peers: { users: [1] }", "has no TLS"),
            ("address: \"127.0.0.1:1\", peers: { users: [33] }", "known at a Unix socket alone"),
            ("address: \"unix:/run/a.sock\", peers: { users: [-1] }", "peers.users"),
            ("address: \"unix:/run/a.sock\", peers: { users: [www-data] }", "peers.users"),
        ] {
            let told = told(more);
            assert!(told.contains(words), "{more}: {told}");
        }
    }

    #[test]
    fn the_keys_of_assertions_are_at_no_path_of_questions() {
        for (kind, path, is_refused) in [
            ("nginx", "/.well-known/jwks.json", true),
            ("forward-auth", "/.well-known/jwks.json", true),
            ("envoy-http", "/.well-known", true),
            ("envoy-http", "/.well", false),
            ("envoy-http", "/.well-known/jwks.json", false),
            ("nginx", "/.well-known", false),
        ] {
            let text = FILE.replace(
                "kind: nginx, MORE",
                "kind: KIND, address: \"127.0.0.1:1\", path: PATH, peers: { addresses: [127.0.0.1] }",
            );
            let text = text.replace("KIND", kind).replace("PATH", path);
            let told =
                Config::parse("f", &text, HashMap::new()).map_or_else(|error| error.to_string(), |_| String::new());
            assert_eq!(told.contains("where the keys of assertions are"), is_refused, "{kind} {path}: {told}");
        }
    }

    #[test]
    fn the_path_of_a_unix_socket_is_absolute_and_short() {
        let long = format!("/{}", "x".repeat(107));
        for path in ["", "a.sock", "@abstract", "/run/", "/", "./a", &long] {
            let told = told(&format!("address: \"unix:{path}\", peers: {{ users: [1] }}"));
            assert!(told.contains("authorizers[0].address"), "{path}: {told}");
        }
        let most = format!("address: \"unix:{}\", peers: {{ users: [1] }}", &long[1..].replacen('x', "/", 1));
        assert_eq!(told(&most), "");
    }

    #[test]
    fn only_authorizers_are_unix_sockets_and_each_has_its_own() {
        let text = "
listeners: [{ address: \"unix:/run/a.sock\" }]
authorizers:
  - { name: a, kind: nginx, address: \"unix:/run/a.sock\", peers: { users: [1] } }
  - { name: b, kind: nginx, address: \"unix:/run/a.sock\", peers: { users: [1] } }
routes: [{ prefix: /, serve: authorizers, require: public }]
";
        let told = Config::parse("f", text, HashMap::new()).unwrap_err().to_string();
        assert!(told.contains("only authorizers take Unix sockets"), "{told}");
        assert!(told.contains("another listener already uses this address"), "{told}");
    }
}
