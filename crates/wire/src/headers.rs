//! Which header fields stop here.
//!
//! Backends that speak CGI or WSGI read `X_Forwarded_User`, and some `X.Forwarded.User`, as `X-Forwarded-User`. So
//! names are compared by their letters and digits alone, and every spelling of a guarded name is removed.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::guarded::{GUARDED, GUARDED_FAMILIES, REAL};

/// Fields that a `Connection` field can't have removed: they authorise, address, frame or name the message.
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

/// Whether a field belongs to one connection (RFC 9110 section 7.6.1), or never should have crossed it.
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

/// Removes the fields of the connection a message came by, in either direction.
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

/// The fields that a `Connection` field names, but for those that it can't.
fn nominated(connection: &HeaderValue) -> Vec<HeaderName> {
    if connection == "keep-alive" || connection == "close" {
        return Vec::new();
    }
    let names = connection.to_str().unwrap_or_default().split(',').map(str::trim);
    // What most connections say names no field.
    let names = names.filter(|name| !name.eq_ignore_ascii_case("keep-alive") && !name.eq_ignore_ascii_case("close"));
    let names = names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    names.filter(|name| !NOT_CONNECTION_SPECIFIC.contains(name)).collect()
}

/// Names that most requests have, and that are as they should be.
fn is_common(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "user-agent"
            | "accept"
            | "accept-encoding"
            | "accept-language"
            | "content-type"
            | "content-length"
            | "cookie"
            | "cache-control"
            | "origin"
            | "referer"
            | "ms-requestid"
            | "ms-correlationid"
    )
}

/// Removes every field by which a client could pass for somebody, or for somewhere else.
pub fn remove_guarded(headers: &mut HeaderMap) {
    // An empty list takes no memory.
    let guarded: Vec<HeaderName> = headers.keys().filter(|name| is_guarded(name)).cloned().collect();
    for name in guarded {
        headers.remove(name);
    }
}

/// Whether a value has white space around it, which HTTP/1.1 would lose on the way (RFC 9113 section 8.2.1).
pub fn is_padded(value: &HeaderValue) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    blank(value.as_bytes().first()) || blank(value.as_bytes().last())
}

/// Whether a name is one of those that frame, address or authorise a message, in another spelling.
pub fn is_twin(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Nearly every answer has some that are registered.
    !is_registered(name) && may_be_listed(name) && folded(name, |name| REAL.binary_search(&name).is_ok())
}

/// Whether a name is one of those that frame, address or authorise a message, as it is registered.
fn is_registered(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "cookie"
            | "expect"
            | "host"
            | "keep-alive"
            | "ms-correlationid"
            | "ms-requestid"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

pub(super) fn is_guarded(name: &HeaderName) -> bool {
    if is_common(name.as_str()) || !may_be_listed(name.as_str()) {
        return false;
    }
    let guarded = |name: &str| GUARDED.binary_search(&name).is_ok() || is_of_family(name);
    folded(name.as_str(), guarded) || is_twin(name)
}

/// Whether any name in the lists may begin with the same four letters or digits. Most fields of a message begin otherwise, and
/// cost no search.
fn may_be_listed(name: &str) -> bool {
    let mut letters = name.bytes().filter(u8::is_ascii_alphanumeric);
    let mut letter = || letters.next();
    let (Some(one), Some(two), Some(three), Some(four)) = (letter(), letter(), letter(), letter()) else { return true };
    let bit = beginning([one, two, three, four]);
    BEGINNINGS[bit / 64] >> (bit % 64) & 1 != 0
}

/// A number for the beginning of a name.
const fn beginning(letters: [u8; 4]) -> usize {
    (u32::from_le_bytes(letters).wrapping_mul(0x9e37_79b1) >> 21) as usize
}

/// A bit for each beginning of the names in the lists.
const BEGINNINGS: [u64; 32] = {
    let mut bits = [0; 32];
    let lists = [GUARDED, GUARDED_FAMILIES, REAL];
    let mut list = 0;
    while list < lists.len() {
        let mut at = 0;
        while at < lists[list].len() {
            if let [one, two, three, four, ..] = *lists[list][at].as_bytes() {
                let bit = beginning([one, two, three, four]);
                bits[bit / 64] |= 1 << (bit % 64);
            }
            at += 1;
        }
        list += 1;
    }
    bits
};

/// Whether a name begins as one of the guarded families does. None of them begins as another, so in their order only the
/// last that isn't behind the name can be its beginning.
fn is_of_family(name: &str) -> bool {
    let behind = GUARDED_FAMILIES.partition_point(|family| *family <= name);
    behind.checked_sub(1).and_then(|at| GUARDED_FAMILIES.get(at)).is_some_and(|family| name.starts_with(family))
}

/// Judges a name by its letters and digits alone. Names too long to fold are judged by their beginning.
fn folded(name: &str, judge: impl Fn(&str) -> bool) -> bool {
    let mut folded = [0; 64];
    let mut length = 0;
    for (place, byte) in folded.iter_mut().zip(name.bytes().filter(u8::is_ascii_alphanumeric)) {
        *place = byte;
        length += 1;
    }
    std::str::from_utf8(&folded[..length]).map_or(true, judge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_no_family_begins_as_another() {
        for list in [GUARDED, GUARDED_FAMILIES, REAL] {
            assert!(list.is_sorted());
        }
        for name in [GUARDED, GUARDED_FAMILIES, REAL].concat() {
            assert!(may_be_listed(name) && may_be_listed(&format!("_{name}-x")), "{name}");
        }
        assert!(!may_be_listed("x-header-1") && !may_be_listed("sec-fetch-mode"));
        assert!(GUARDED_FAMILIES.windows(2).all(|pair| !pair[1].starts_with(pair[0])));
        for family in GUARDED_FAMILIES {
            assert!(is_of_family(family) && is_of_family(&format!("{family}x")), "{family}");
        }
    }

    #[test]
    fn every_spelling_of_a_guarded_name_is_removed() {
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
            assert!(is_guarded(&HeaderName::from_static(name)), "{name}");
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
        ] {
            assert!(!is_guarded(&HeaderName::from_static(name)), "{name}");
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
