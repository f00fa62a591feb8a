//! The one host of a request.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Uri, Version};
use memchr::memchr;

use mfa_gateway_wire::Body;

const INVALID: &str = "The host is not valid (RFC 9110 section 7.2).";

/// Leaves the request with exactly one valid `Host`, and only path and query as its target.
///
/// The host never chooses the upstream; but a backend may choose by it, so there must be only one reading.
pub(super) fn fix(request: &mut Request<Body>) -> Result<(), &'static str> {
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
            return if is_valid(field) { Ok(()) } else { Err(INVALID) };
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
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = target;
    Ok(())
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
        fix(&mut request)?;
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
