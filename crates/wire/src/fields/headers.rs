//! The header fields that stop here.
//!
//! Upstreams that use CGI or WSGI read `X_Forwarded_User`, and some `X.Forwarded.User`, as `X-Forwarded-User`. So names
//! are compared by their letters and digits alone, and every spelling of an identity name is removed. Such servers put `HTTP_`
//! before the name of a field, and some `REDIRECT_`, so that those are no part of a name.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::spellings::without_variable_prefix;
pub use super::spellings::{is_identity_name, is_lookalike};

/// Fields that a `Connection` field can't remove: they authorise, address, frame or name the message.
pub(super) const NOT_CONNECTION_SPECIFIC: [HeaderName; 8] = [
    HeaderName::from_static("ms-requestid"),
    HeaderName::from_static("ms-correlationid"),
    header::AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::COOKIE,
];

/// Whether a field belongs to one connection (RFC 9110 section 7.6.1), or should never have crossed it.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "http2-settings"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes the fields that belong to the connection by which a message came, in either direction.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // An empty list takes no memory.
    let nominated: Vec<HeaderName> = headers.get_all(header::CONNECTION).iter().flat_map(nominated).collect();
    for name in nominated {
        headers.remove(name);
    }
    // Most messages have none but `Connection`: one look at the names costs less than eight searches.
    while let Some(name) = headers.keys().find(|name| is_hop_by_hop(name.as_str())).cloned() {
        headers.remove(name);
    }
}

/// Whether `Connection` names one of these fields, so that it would get no further.
#[must_use]
pub fn nominates<'n>(headers: &HeaderMap, mut names: impl Iterator<Item = &'n HeaderName>) -> bool {
    let nominated: Vec<HeaderName> = headers.get_all(header::CONNECTION).iter().flat_map(nominated).collect();
    !nominated.is_empty() && names.any(|name| nominated.contains(name))
}

/// The fields that a `Connection` field names, except those that it can't remove.
fn nominated(connection: &HeaderValue) -> Vec<HeaderName> {
    if connection == "keep-alive" || connection == "close" {
        return Vec::new();
    }
    // By bytes: what is no text must not hide the names beside it.
    let names = connection.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    // Most connections name no field.
    let names = names.filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"));
    let names = names.filter_map(|name| HeaderName::from_bytes(name).ok());
    names.filter(|name| !NOT_CONNECTION_SPECIFIC.contains(name)).collect()
}

/// Removes every field by which a client could claim an identity or an address, or change what it asks for.
pub fn remove_identity_fields(headers: &mut HeaderMap) {
    // An empty list takes no memory.
    let names: Vec<HeaderName> = headers.keys().filter(|name| is_identity_name(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Removes every field that some server takes for one of these, in whatever spelling.
pub fn remove_spellings(headers: &mut HeaderMap, names: &[HeaderName]) {
    let is_one = |name: &&HeaderName| {
        let own = name.as_str();
        let variable = without_variable_prefix(own);
        names.iter().any(|one| is_same_name(one.as_str(), own) || is_same_name(one.as_str(), variable))
    };
    while let Some(name) = headers.keys().find(is_one).cloned() {
        headers.remove(name);
    }
}

/// Whether two names are the same to some server: they have the same letters and digits, in any letter case.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let letters = |byte: &u8| byte.is_ascii_alphanumeric();
    let (one, other) = (one.bytes().filter(letters), other.bytes().filter(letters));
    one.map(|byte| byte.to_ascii_lowercase()).eq(other.map(|byte| byte.to_ascii_lowercase()))
}

/// Whether a value has white space around it, which HTTP/1.1 would lose (RFC 9113 section 8.2.1).
pub fn is_padded(value: &HeaderValue) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    blank(value.as_bytes().first()) || blank(value.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_identity_name_is_removed() {
        for name in [
            "x-forwarded-for",
            "x_forwarded_for",
            "x.forwarded.user",
            "x-forwarded-anything",
            "x-auth-request-user",
            "x_auth_request_user",
            "x-auth-request.user",
            "xauthrequestuser",
            "remote_user",
            "forwarded",
            "x-real-ip",
            "x-original-url",
            "x-ms-client-principal-id",
            "ssl-client-cert",
            "ssl_client_s_dn",
            "client-cert",
            "client_cert",
            "client.cert-chain",
            "x-client-cert",
            "x-client-certificate",
            "x-ssl-client-verify",
            "x_ssl_client_cert",
            "x-forwarded-client-cert",
            "x-forwarded-tls-client-cert",
            "x-arr-clientcert",
            "x-amzn-mtls-clientcert",
            "cf-client-cert-sha256",
            "x-tls-client-subject",
            "_x-forwarded-for",
            "http_x_forwarded_for",
            "x-remote-extra-scopes",
            "impersonate-user",
            "oidc_claim_email",
            "transfer_encoding",
            "content-length_",
            "host.",
            "authorization_",
            "http_authorization",
            "http-authorization",
            "http_mfa_assertion",
            "http-mfa-assertion",
            "httpmfaassertion",
            "h_ttp_mfa_assertion",
            "http_remote_user",
            "http_forwarded",
            "http_client_cert",
            "http_cookie",
            "http_host",
            "http_proxy",
            "redirect_remote_user",
            "redirect_http_mfa_assertion",
            "http_http_x_user",
            "http-te",
            "transferencoding",
            "transfer--encoding",
            "-content-length",
            "ho-st",
            "author-ization",
            "ms_requestid",
            "ms.correlationid",
            "iv-user",
            "sm_user",
            "$wsru",
            "x-jwt-claim-sub",
            "proxy",
        ] {
            assert!(is_identity_name(&HeaderName::from_static(name)), "{name}");
        }
        for name in [
            "accept",
            "authorization",
            "cookie",
            "content-type",
            "content-length",
            "host",
            "te",
            "x-request-id",
            "x-locale",
            "ms-requestid",
            "x-auth-token",
            "sec-websocket-key",
            "x-ms-version",
            "http2-settings",
            "upgrade-insecure-requests",
            "http-referer",
            "https",
            "redirect",
            "redirect-uri",
            "redirected-from",
        ] {
            assert!(!is_identity_name(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn connection_takes_its_own_fields_along_and_no_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONNECTION, HeaderValue::from_bytes(b"X-Other\t, \xe9,").unwrap());
        let named = HeaderName::from_static("x-other");
        assert!(nominates(&headers, [&named].into_iter()));
        for (name, value) in [
            ("connection", "close, X-Hop, Authorization, host"),
            ("x-other", "1"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("authorization", "Bearer x"),
            ("host", "a"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "host"]);
    }
}
