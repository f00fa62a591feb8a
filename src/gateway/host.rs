//! The one host of a request.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Uri, Version};
use memchr::memchr;

use super::Reason;
use super::peer::Shown;
use crate::routing::canonical_host;
use mfa_gateway_wire::Body;

const INVALID: &str = "The host is not valid (RFC 9110 section 7.2).";

/// Leaves the request with exactly one valid `Host`, and only path and query as its target.
///
/// A backend may choose by the host, so there must be only one reading. Where routes do so too, `canonical` makes it the
/// name that they are compared with.
pub(super) fn fix(request: &mut Request<Body>, canonical: bool) -> Result<(), &'static str> {
    let mut fields = request.headers().get_all(HOST).iter();
    let field = fields.next();
    if !matches!(request.uri().scheme_str(), None | Some("http" | "https")) {
        return Err("The request target's scheme is not http or https (RFC 9110 section 4.2).");
    }
    if request.uri().scheme().is_none() && request.uri().authority().is_some() {
        return Err("The request target is an authority, which only CONNECT may send (RFC 9112 section 3.2.3).");
    }
    if fields.next().is_some() {
        return Err("The request has more than one Host field (RFC 9112 section 3.2).");
    }
    let host = match (field, request.uri().authority()) {
        // Nearly every request already has its target and host in this form.
        (Some(field), None) if request.version() <= Version::HTTP_11 && request.uri().path().starts_with('/') => {
            if !is_valid(field) {
                return Err(INVALID);
            }
            if let Some(host) = canonical.then(|| canonically(field)).flatten() {
                request.headers_mut().insert(HOST, host);
            }
            return Ok(());
        }
        (Some(field), None) if request.version() <= Version::HTTP_11 => field.clone(),
        // In HTTP/2 the pseudo-field counts, and Host may repeat it (RFC 9113 section 8.3.1).
        (None, Some(target)) if request.version() > Version::HTTP_11 => value(target)?,
        (Some(field), Some(target)) if field.as_bytes().eq_ignore_ascii_case(target.as_str().as_bytes()) => {
            field.clone()
        }
        (Some(_), Some(_)) => return Err("The request target and the Host field name different hosts."),
        _ => return Err("The Host field is missing (RFC 9112 section 3.2)."),
    };
    if !is_valid(&host) {
        return Err(INVALID);
    }
    let target = path_and_query(request.uri())?;
    let host = canonical.then(|| canonically(&host)).flatten().unwrap_or(host);
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = target;
    Ok(())
}

/// Refuses a request for a host whose certificate isn't the one that the client was shown for the name that it asked for.
pub(super) fn check_certificate(request: &Request<Body>, shown: &dyn Shown) -> Result<(), Reason> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if shown.is_for(&canonical_host(host)) { Ok(()) } else { Err(Reason::Misdirected) }
}

/// The host in the form in which routes are compared with it, if that is another one.
fn canonically(host: &HeaderValue) -> Option<HeaderValue> {
    let text = host.to_str().ok()?;
    let name = canonical_host(text);
    let port = text.rfind(':').filter(|colon| !text.get(*colon..).is_some_and(|rest| rest.contains(']')));
    let port = port.and_then(|colon| text.get(colon..)).unwrap_or_default();
    if name.len() + port.len() == text.len() && text.starts_with(&*name) {
        return None;
    }
    HeaderValue::try_from([&*name, port].concat()).ok()
}

fn value(authority: &Authority) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(authority.as_str()).map_err(|_| "The authority is not valid (RFC 9113 section 8.3.1).")
}

/// A host name or address with an optional port; no user information, no list.
fn is_valid(host: &HeaderValue) -> bool {
    let host = host.as_bytes();
    if let Some(rest) = host.strip_prefix(b"[") {
        let parts = std::str::from_utf8(rest).ok().and_then(|rest| rest.split_once(']'));
        return parts.is_some_and(|(address, port)| address.parse::<Ipv6Addr>().is_ok() && is_valid_port(port));
    }
    let (name, port) = host.split_at(memchr(b':', host).unwrap_or(host.len()));
    is_valid_name(name) && std::str::from_utf8(port).is_ok_and(is_valid_port)
}

/// Labels separated by dots, perhaps with the root's dot at the end.
fn is_valid_name(name: &[u8]) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut last = b'.';
    let mut follows = |byte| {
        let before = std::mem::replace(&mut last, byte);
        letter(byte) || byte == b'.' && before != b'.'
    };
    !name.is_empty() && name.iter().all(|&byte| follows(byte))
}

/// Nothing, or a colon and a number.
fn is_valid_port(port: &str) -> bool {
    let is_number = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok();
    port.is_empty() || port.strip_prefix(':').is_some_and(is_number)
}

fn path_and_query(uri: &Uri) -> Result<Uri, &'static str> {
    match uri.path_and_query() {
        Some(target) if target.as_str().starts_with('/') => Ok(Uri::from(target.clone())),
        // `http://host` and `http://host?query` mean the root (RFC 9112 section 3.2.1).
        Some(target) if target.as_str().starts_with('?') => {
            // `Display` would already add the slash.
            let target = ["/", target.as_str()].concat();
            PathAndQuery::try_from(target).map(Uri::from).map_err(|_| "The request target is not valid.")
        }
        None => Ok(Uri::from(PathAndQuery::from_static("/"))),
        Some(_) => Err("The request target is not a path (RFC 9112 section 3.2.1)."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(version: Version, target: &str, hosts: &[&str]) -> Result<(String, String), &'static str> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut request = request.body(Body::empty()).unwrap();
        fix(&mut request, false)?;
        Ok((request.headers()[HOST].to_str().unwrap().to_owned(), request.uri().to_string()))
    }

    #[test]
    fn one_host_comes_through() {
        let expected = Ok(("api.example:80".to_owned(), "/v1?q".to_owned()));
        assert_eq!(fixed(Version::HTTP_11, "/v1?q", &["api.example:80"]), expected);
        assert_eq!(fixed(Version::HTTP_11, "http://api.example:80/v1?q", &["api.example:80"]), expected);
        assert_eq!(fixed(Version::HTTP_2, "http://api.example:80/v1?q", &[]), expected);
        assert_eq!(fixed(Version::HTTP_2, "http://api.example:80/v1?q", &["api.example:80"]), expected);
        assert!(fixed(Version::HTTP_11, "/", &["[::1]:8080"]).is_ok());
        for (target, expected) in [("http://a?x=1", "/?x=1"), ("http://a", "/"), ("http://a/?", "/?")] {
            assert_eq!(fixed(Version::HTTP_11, target, &["a"]), Ok(("a".to_owned(), expected.to_owned())));
        }
    }

    #[test]
    fn where_routes_name_hosts_the_host_arrives_as_they_are_compared() {
        for (sent, arrived) in [
            ("a.example", "a.example"),
            ("A.Example.:8080", "a.example:8080"),
            ("a.example.", "a.example"),
            ("[2001:DB8::0:1]:80", "[2001:db8::1]:80"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:80", "127.0.0.1:80"),
        ] {
            let mut request = Request::builder().uri("/").header(HOST, sent).body(Body::empty()).unwrap();
            fix(&mut request, true).unwrap();
            assert_eq!(request.headers()[HOST], arrived);
            let mut request = Request::builder().version(Version::HTTP_2).uri(format!("http://{sent}/"));
            request = request.header(HOST, sent);
            let mut request = request.body(Body::empty()).unwrap();
            fix(&mut request, true).unwrap();
            assert_eq!(request.headers()[HOST], arrived);
        }
    }

    #[test]
    fn none_two_and_odd_ones_do_not() {
        for (version, target, hosts) in [
            (Version::HTTP_11, "/", vec![]),
            (Version::HTTP_11, "/", vec!["a", "a"]),
            (Version::HTTP_11, "/", vec![""]),
            (Version::HTTP_11, "/", vec!["a, b"]),
            (Version::HTTP_11, "/", vec!["u@a"]),
            (Version::HTTP_11, "/", vec!["a/b"]),
            (Version::HTTP_11, "/", vec!["a:b"]),
            (Version::HTTP_11, "/", vec!["a:99999"]),
            (Version::HTTP_11, "/", vec!["a:+80"]),
            (Version::HTTP_11, "/", vec!["[zz]"]),
            (Version::HTTP_11, "/", vec!["[1.2.3.4]"]),
            (Version::HTTP_11, "/", vec!["a[b]"]),
            (Version::HTTP_11, "/", vec!["a..b"]),
            (Version::HTTP_11, "/", vec!["."]),
            (Version::HTTP_11, "a", vec!["a"]),
            (Version::HTTP_11, "ftp://a/", vec!["a"]),
            (Version::HTTP_11, "http://b/", vec!["a"]),
            (Version::HTTP_11, "http://a/", vec![]),
            (Version::HTTP_11, "http://u@a/", vec!["a"]),
            (Version::HTTP_11, "*", vec!["a"]),
            (Version::HTTP_2, "http://a/", vec!["b"]),
            (Version::HTTP_2, "/", vec![]),
            (Version::HTTP_2, "http://u:p@a/", vec![]),
        ] {
            assert!(fixed(version, target, &hosts).is_err(), "{version:?} {target} {hosts:?}");
        }
    }
}
