//! Which header fields stop here.
//!
//! Backends that speak CGI or WSGI read `X_Forwarded_User`, and some `X.Forwarded.User`, as `X-Forwarded-User`. So
//! names are compared by their letters and digits alone, and every spelling of a guarded name is removed.

use http::header::{self, HeaderMap, HeaderName};

/// Fields that belong to one connection (RFC 9110 section 7.6.1), and those that never should have crossed it.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields that a `Connection` field can't have removed: they authorise, address or frame the message.
const NOT_CONNECTION_SPECIFIC: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::COOKIE,
];

/// Names, by letters and digits, that say who calls or where from, or change what is asked: only the gateway may.
const GUARDED: [&str; 46] = [
    "authenticateduser",
    "cfconnectingip",
    "clientcert",
    "clientip",
    "fastlyclientip",
    "forwarded",
    "forwardedfor",
    "remoteaddr",
    "remotegroups",
    "remoteuser",
    "trueclientip",
    "xauthenticateduser",
    "xauthgroups",
    "xauthroles",
    "xauthsubject",
    "xauthuser",
    "xauthuserid",
    "xauthusername",
    "xclientcert",
    "xclientip",
    "xclusterclientip",
    "xforwarded",
    "xhttpmethod",
    "xhttpmethodoverride",
    "xjwtassertion",
    "xjwtpayload",
    "xmethodoverride",
    "xoriginalforwardedfor",
    "xoriginalhost",
    "xoriginalmethod",
    "xoriginalto",
    "xoriginaluri",
    "xoriginalurl",
    "xproxyuser",
    "xrealip",
    "xrealuser",
    "xremoteaddr",
    "xremotegroup",
    "xremotegroups",
    "xremoteip",
    "xremoteuser",
    "xrewriteurl",
    "xuser",
    "xuserid",
    "xusername",
    "xwebauthuser",
];

/// The same, for whole families.
const GUARDED_FAMILIES: [&str; 13] = [
    "cfaccess",
    "sslclient",
    "tailscaleuser",
    "xamznoidc",
    "xauthentik",
    "xauthrequest",
    "xforwarded",
    "xgoogauthenticateduser",
    "xgoogiap",
    "xmsclientprincipal",
    "xpomerium",
    "xsslclient",
    "xvouch",
];

/// Removes the fields of the connection a message came by, in either direction.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| !NOT_CONNECTION_SPECIFIC.contains(name))
        .collect();
    for name in nominated {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes every field by which a client could pass for somebody, or for somewhere else.
pub(crate) fn remove_guarded(headers: &mut HeaderMap) {
    let guarded: Vec<HeaderName> = headers.keys().filter(|name| is_guarded(name.as_str())).cloned().collect();
    for name in guarded {
        headers.remove(name);
    }
}

/// Removes trailer fields that mean something only in a header section (RFC 9110 section 6.5.1).
pub(crate) fn clean_request_trailers(trailers: &mut HeaderMap) {
    remove_guarded(trailers);
    clean_response_trailers(trailers);
}

/// The same for a response's trailers.
pub(crate) fn clean_response_trailers(trailers: &mut HeaderMap) {
    remove_hop_by_hop(trailers);
    for name in NOT_CONNECTION_SPECIFIC.iter().chain(&[header::SET_COOKIE, header::EXPECT, header::TRAILER]) {
        trailers.remove(name);
    }
}

fn is_guarded(name: &str) -> bool {
    // All guarded names start with one of these letters; most fields of a request don't.
    if !matches!(name.as_bytes().first(), Some(b'a' | b'c' | b'f' | b'r' | b's' | b't' | b'x')) {
        return false;
    }
    let mut folded = [0; 64];
    let mut length = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
        // A longer name may still belong to a family.
        let Some(place) = folded.get_mut(length) else { break };
        *place = byte;
        length += 1;
    }
    let Ok(folded) = std::str::from_utf8(&folded[..length]) else { return true };
    GUARDED.binary_search(&folded).is_ok() || GUARDED_FAMILIES.iter().any(|family| folded.starts_with(family))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_spelling_of_a_guarded_name_is_removed() {
        assert!(GUARDED.is_sorted());
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
        ] {
            assert!(is_guarded(name), "{name}");
        }
        for name in ["accept", "authorization", "cookie", "content-type", "x-request-id", "x-locale", "ms-requestid"] {
            assert!(!is_guarded(name), "{name}");
        }
    }

    #[test]
    fn connection_takes_its_own_fields_along_and_no_others() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop, Authorization, host"),
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
