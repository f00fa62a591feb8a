//! Questions over HTTP: which request a proxy asks about, by its kind's own fields alone.

use std::net::{IpAddr, SocketAddr};

use ::http::header::HOST;
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_wire::headers;

use super::asked::{Asked, ORIGINAL_REFUSED};
use super::{Kind, Settings};
use crate::gateway::{Peer, Reason, only};

/// The fields that one kind reads, and no other.
struct Names {
    method: HeaderName,
    target: HeaderName,
    host: HeaderName,
    proto: HeaderName,
    client: HeaderName,
}

static ORIGINAL: Names = Names {
    method: HeaderName::from_static("x-original-method"),
    target: HeaderName::from_static("x-original-url"),
    host: HOST,
    proto: HeaderName::from_static("x-original-proto"),
    client: HeaderName::from_static("x-original-client"),
};

static FORWARDED: Names = Names {
    method: HeaderName::from_static("x-forwarded-method"),
    target: HeaderName::from_static("x-forwarded-uri"),
    host: HeaderName::from_static("x-forwarded-host"),
    proto: HeaderName::from_static("x-forwarded-proto"),
    client: HeaderName::from_static("x-forwarded-for"),
};

/// Fields by which a client could mean another request than the proxy does, at a face that reads the others.
const FOREIGN_TO_NGINX: [&str; 2] = ["x-forwarded-method", "x-forwarded-uri"];
const FOREIGN_TO_FORWARD_AUTH: [&str; 3] = ["x-original-method", "x-original-url", "x-original-uri"];

const METHOD: &str = "The proxy's question needs exactly one method, in the field that docs/authorizers.md names.";
const TARGET: &str =
    "The proxy's question needs exactly one path with its query, in the field that docs/authorizers.md names.";
const HOST_OF: &str = "The proxy's question needs exactly one host, in the field that docs/authorizers.md names.";
const PROTO: &str = "The proxy's question needs a scheme of http or https, exactly once.";
const CLIENT: &str = "The proxy's question names its client by something that is not one IP address.";
const TWO: &str = "The proxy's question has fields of two kinds of proxies: remove the client's X-Forwarded-Method, \
                   X-Forwarded-Uri and X-Original-* at the proxy.";
const PADDED: &str = "A value has whitespace around it (RFC 9113 section 8.2.1).";
const HOSTS: &str = "The question's target and its Host field name different hosts (RFC 9113 section 8.3.1).";
const ABSOLUTE: &str = "The question's own target is not a path (RFC 9112 section 3.2.1).";

/// Reads a question, which came with this head.
///
/// # Errors
///
/// Why it isn't a question about one request.
pub(super) fn read(settings: &Settings, head: Parts, peer: &Peer) -> Result<Asked, Reason> {
    if head.version <= ::http::Version::HTTP_11 && head.uri.authority().is_some() {
        return Err(Reason::Malformed(ABSOLUTE));
    }
    if !settings.is_asked_at(head.uri.path()) {
        return Err(Reason::NotFound);
    }
    // Only the framing of HTTP/1.1 takes it away.
    if head.version > ::http::Version::HTTP_11 && head.headers.values().any(headers::is_padded) {
        return Err(Reason::Malformed(PADDED));
    }
    match settings.kind {
        Kind::Nginx => original(head, peer).map_err(Reason::Malformed),
        Kind::ForwardAuth => forwarded(head, peer).map_err(Reason::Malformed),
        _ => itself(&settings.path, head, peer).map_err(Reason::Malformed),
    }
}

/// A question with the fields of nginx's recipe. What other proxies write is not read.
fn original(mut head: Parts, peer: &Peer) -> Result<Asked, &'static str> {
    refuse_any(&head.headers, &FOREIGN_TO_NGINX)?;
    let host = host(&head)?;
    let fields = &mut head.headers;
    let (method, target) = (taken(fields, &ORIGINAL.method, METHOD)?, taken(fields, &ORIGINAL.target, TARGET)?);
    let https = optional(fields, &ORIGINAL.proto, PROTO)?.map_or(Ok(false), |proto| is_https(&proto))?;
    let client = optional(fields, &ORIGINAL.client, CLIENT)?;
    let client = client.map_or(Ok(peer.address), |client| address(client.as_bytes()))?;
    Ok(Asked {
        method: method.as_bytes().to_vec(),
        target: target.as_bytes().to_vec(),
        host,
        https,
        client,
        again: fields.contains_key(&ORIGINAL_REFUSED),
        fields: std::mem::take(fields),
    })
}

/// A question with the fields of Traefik and Caddy. The last address of `X-Forwarded-For` is the proxy's own peer.
fn forwarded(mut head: Parts, peer: &Peer) -> Result<Asked, &'static str> {
    refuse_any(&head.headers, &FOREIGN_TO_FORWARD_AUTH)?;
    let fields = &mut head.headers;
    let (method, target) = (taken(fields, &FORWARDED.method, METHOD)?, taken(fields, &FORWARDED.target, TARGET)?);
    let (host, proto) = (taken(fields, &FORWARDED.host, HOST_OF)?, taken(fields, &FORWARDED.proto, PROTO)?);
    let https = is_https(&proto)?;
    let client = last_client(fields, peer)?;
    Ok(Asked {
        method: method.as_bytes().to_vec(),
        target: target.as_bytes().to_vec(),
        host,
        https,
        client,
        again: false,
        fields: std::mem::take(fields),
    })
}

/// A question that has the form of the request itself, below the face's own path.
fn itself(prefix: &str, mut head: Parts, peer: &Peer) -> Result<Asked, &'static str> {
    let host = host(&head)?;
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let target = target.strip_prefix(prefix).unwrap_or_default().as_bytes().to_vec();
    let method = head.method.as_str().as_bytes().to_vec();
    let fields = &mut head.headers;
    let https = optional(fields, &FORWARDED.proto, PROTO)?.map_or(Ok(false), |proto| is_https(&proto))?;
    let client = last_client(fields, peer)?;
    Ok(Asked { method, target, host, https, client, again: false, fields: std::mem::take(fields) })
}

/// The host of the question itself, which the proxy sets to that of the request.
fn host(head: &Parts) -> Result<HeaderValue, &'static str> {
    if let Some(authority) = head.uri.authority() {
        let is_same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
        if head.headers.contains_key(HOST) && !only(&head.headers, &HOST).is_some_and(is_same) {
            return Err(HOSTS);
        }
        return HeaderValue::from_str(authority.as_str()).map_err(|_| HOST_OF);
    }
    only(&head.headers, &HOST).cloned().ok_or(HOST_OF)
}

/// Takes the proxy's own peer off the chain of addresses.
fn last_client(fields: &mut HeaderMap, peer: &Peer) -> Result<SocketAddr, &'static str> {
    let Some(chain) = optional(fields, &FORWARDED.client, CLIENT)? else { return Ok(peer.address) };
    let chain = chain.as_bytes();
    let (before, last) = match chain.iter().rposition(|&byte| byte == b',') {
        Some(comma) => (chain.get(..comma), chain.get(comma + 1..)),
        None => (None, Some(chain)),
    };
    if let Some(before) = before.and_then(|before| HeaderValue::from_bytes(before).ok()) {
        fields.insert(&FORWARDED.client, before);
    }
    address(last.unwrap_or_default())
}

fn address(text: &[u8]) -> Result<SocketAddr, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| CLIENT)?.trim();
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0));
    address.or_else(|_| text.parse()).map_err(|_| CLIENT)
}

fn is_https(proto: &HeaderValue) -> Result<bool, &'static str> {
    match proto.as_bytes() {
        b"https" => Ok(true),
        b"http" => Ok(false),
        _ => Err(PROTO),
    }
}

fn refuse_any(fields: &HeaderMap, names: &[&str]) -> Result<(), &'static str> {
    if names.iter().any(|name| fields.contains_key(*name)) { Err(TWO) } else { Ok(()) }
}

/// Takes a field that must be there once, and not be empty.
fn taken(fields: &mut HeaderMap, name: &HeaderName, fault: &'static str) -> Result<HeaderValue, &'static str> {
    optional(fields, name, fault)?.ok_or(fault)
}

/// Takes a field that may be there once, and then is not empty.
fn optional(
    fields: &mut HeaderMap,
    name: &HeaderName,
    fault: &'static str,
) -> Result<Option<HeaderValue>, &'static str> {
    let value = only(fields, name).cloned();
    match (fields.contains_key(name), value) {
        (false, _) => Ok(None),
        (true, Some(value)) if !value.is_empty() => {
            fields.remove(name);
            Ok(Some(value))
        }
        (true, _) => Err(fault),
    }
}
