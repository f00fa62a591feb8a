//! Upstreams, from the file to what is used.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;

use super::file;
use super::problem::Problems;
use super::values::{duration, name};
use crate::upstream::{Protocol, Settings, Tls};

/// Builds the upstreams, of which one at least is needed if a route has one.
pub(super) fn build(files: Vec<file::Upstream>, needed: bool, problems: &mut Problems<'_>) -> Vec<Settings> {
    if files.is_empty() && needed {
        problems.add(
            "upstreams",
            "there is no upstream",
            "add one: `{ name: api, endpoints: [http://127.0.0.1:5000] }`",
        );
    }
    let mut names = HashSet::new();
    let mut upstreams = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("upstreams[{at}]");
        name(&path, &file.name, problems);
        if !names.insert(file.name.clone()) {
            problems.add(&format!("{path}.name"), "another upstream has this name", "give each upstream its own name");
        }
        if file.endpoints.is_empty() {
            problems.add(&format!("{path}.endpoints"), "there is no endpoint", "add one: `http://127.0.0.1:5000`");
        }
        let mut time = |field: &str, value: Option<&String>, default| {
            duration(&format!("{path}.{field}"), value.map(String::as_str), default, problems)
        };
        let connect_timeout = time("connect_timeout", file.connect_timeout.as_ref(), Duration::from_secs(2));
        let response_timeout = time("response_timeout", file.response_timeout.as_ref(), Duration::from_secs(60));
        let idle_timeout = time("idle_timeout", file.idle_timeout.as_ref(), Duration::from_secs(300));
        let keep_alive = time("keep_alive", file.keep_alive.as_ref(), Duration::from_secs(4));
        let endpoints: Vec<Uri> = file
            .endpoints
            .iter()
            .enumerate()
            .filter_map(|(place, text)| endpoint(&format!("{path}.endpoints[{place}]"), text, problems))
            .collect();
        let tls = file.tls.as_ref();
        let tls = tls.and_then(|tls| read_tls(&format!("{path}.tls"), tls, &endpoints, problems));
        upstreams.push(Settings {
            name: file.name,
            endpoints,
            tls,
            protocol: match file.protocol {
                file::Protocol::Http1 => Protocol::Http1,
                file::Protocol::Http2 => Protocol::Http2,
            },
            assertion: file.assertion,
            preserve_host: file.host == file::HostHeader::Preserve,
            connect_timeout,
            response_timeout,
            idle_timeout,
            keep_alive,
        });
    }
    upstreams
}

fn endpoint(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Uri> {
    let fix = "write `http://host:port` or `https://host:port`";
    let Ok(uri) = text.parse::<Uri>() else {
        problems.add(path, "this is not a URL", fix);
        return None;
    };
    let problem = match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            "it contains a user name or password"
        }
        (Some("http" | "https"), Some(_)) if !matches!(uri.path(), "" | "/") || uri.query().is_some() => {
            "it has a path or query, but the gateway forwards those of the request"
        }
        (Some("http" | "https"), Some(_)) if text.contains('#') => "it has a fragment",
        (Some("http" | "https"), Some(_)) => return Some(uri),
        _ => "its scheme is not http or https",
    };
    problems.add(path, format!("the endpoint can't be used: {problem}"), fix);
    None
}

fn read_tls(path: &str, file: &file::UpstreamTls, endpoints: &[Uri], problems: &mut Problems<'_>) -> Option<Tls> {
    if endpoints.iter().any(|endpoint| endpoint.scheme_str() == Some("http")) {
        let message = "`tls` is set, but an endpoint uses http";
        problems.add(path, message, "write `https://` in every endpoint, or remove `tls`");
    }
    let server_name = file.server_name.as_ref().and_then(|name| {
        let parsed = ServerName::try_from(name.clone()).ok();
        if parsed.is_none() {
            let message = "this is not a host name or an IP address";
            problems.add(&format!("{path}.server_name"), message, "write the name in the upstream's certificate");
        }
        parsed
    });
    let identity_files = match (&file.certificate_file, &file.key_file) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => {
            let message = "only one of `certificate_file` and `key_file` is set";
            problems.add(path, message, "set both, or remove both");
            None
        }
    };
    let ca_file = file.ca_file.as_ref().map(PathBuf::from);
    match Tls::load(server_name, ca_file, identity_files) {
        Ok(tls) => Some(tls),
        Err(error) => {
            problems.add(path, error.to_string(), "name existing PEM files, with the private key of the certificate");
            None
        }
    }
}
