//! Upstreams, from the file to what is used.

use std::time::Duration;

use http::Uri;

use super::build::{duplicate, duration, name};
use super::file;
use super::problem::Problems;
use super::upstream_tls::{self, UpstreamTls};

/// How an upstream is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its endpoints: scheme and authority. At least one.
    pub endpoints: Vec<Uri>,
    /// How its certificates are verified, and who the gateway is to it, if the system's authorities won't do.
    pub tls: Option<UpstreamTls>,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it gets the client's `Host`, or the endpoint's own.
    pub preserve_host: bool,
    /// The deadline to connect.
    pub connect_timeout: Duration,
    /// The deadline for the head of the answer, from the last progress of the request's body on.
    pub response_timeout: Duration,
    /// How long the body of an answer may make no progress.
    pub idle_timeout: Duration,
    /// How long an unused connection is kept.
    pub keep_alive: Duration,
}

/// The protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, by ALPN or with prior knowledge.
    Http2,
}

pub(super) fn build(files: Vec<file::Upstream>, problems: &mut Problems<'_>) -> Vec<Upstream> {
    if files.is_empty() {
        problems.add(
            "upstreams",
            "there is no upstream",
            "add one: `{ name: api, endpoints: [http://127.0.0.1:5000] }`",
        );
    }
    let names: Vec<String> = files.iter().map(|upstream| upstream.name.clone()).collect();
    let mut upstreams = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("upstreams[{at}]");
        name(&path, &file.name, problems);
        if duplicate(&names, at) {
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
        let tls = tls.and_then(|tls| upstream_tls::build(&format!("{path}.tls"), tls, &endpoints, problems));
        upstreams.push(Upstream {
            name: file.name,
            endpoints,
            tls,
            protocol: match file.protocol {
                file::Protocol::Http1 => Protocol::Http1,
                file::Protocol::Http2 => Protocol::Http2,
            },
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
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => "it has user information",
        (Some("http" | "https"), Some(_)) if !matches!(uri.path(), "" | "/") || uri.query().is_some() => {
            "it has a path or query; the request's own is forwarded unchanged"
        }
        (Some("http" | "https"), Some(_)) if text.contains('#') => "it has a fragment",
        (Some("http" | "https"), Some(_)) => return Some(uri),
        _ => "its scheme is not http or https",
    };
    problems.add(path, format!("the endpoint can't be used: {problem}"), fix);
    None
}
