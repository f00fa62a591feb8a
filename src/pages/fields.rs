//! The header fields of the pages, and of every other response that the gateway makes for browsers.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;
use url::Url;

/// Nothing may run, load or frame, and a form is sent to the own origin.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors ";

const FEATURES: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The page that a front-channel sign-out ends with. It is shown to nobody.
const FRAMED: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Signed out</title>\n\
                      </head>\n<body>\n</body>\n</html>\n";

/// A redirect to a path of our own, or to the issuer, by 303: what was posted isn't sent on (RFC 9110 section 15.4.4).
#[must_use]
pub fn redirect(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    add(headers, &format!("{NOTHING}'none'"));
    headers.remove(CONTENT_TYPE);
    headers.insert(LOCATION, HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/")));
    response
}

/// The response to a front-channel sign-out, which the issuer's pages alone may frame.
#[must_use]
pub fn front_channel(issuer: &str, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::full(FRAMED));
    *response.status_mut() = status;
    let framed_by = origin(issuer);
    let headers = response.headers_mut();
    add(headers, &format!("{NOTHING}{}", framed_by.as_deref().unwrap_or("'none'")));
    if framed_by.is_some() {
        headers.remove(X_FRAME_OPTIONS);
        headers.remove(OPENER_POLICY);
        headers.remove(RESOURCE_POLICY);
    }
    response
}

/// The response to HEAD: the same, without its body.
#[must_use]
pub fn emptied(response: Response<Body>) -> Response<Body> {
    response.map(|_| Body::empty())
}

/// The policy of a page: its own styles, forms to its own origin, and what the responses to these redirect to.
pub(super) fn policy(styles: &str, targets: &[String]) -> String {
    let styles = if styles.is_empty() { "'none'" } else { styles };
    let mut policy =
        format!("default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'self'");
    for target in targets.iter().filter_map(|target| origin(target)) {
        policy.push(' ');
        policy.push_str(&target);
    }
    policy.push_str("; frame-ancestors 'none'");
    policy
}

/// Adds the fields, which keep a response out of caches, frames and foreign hands.
pub(super) fn add(headers: &mut HeaderMap, policy: &str) {
    let fields = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, FEATURES),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let strictest = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).unwrap_or(strictest));
}

/// The origin of an address, as policies write it; none for an address that isn't HTTP's.
fn origin(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    // An address of IPv6 is no source of a policy (CSP 3, section 2.3.1).
    (!origin.contains(['[', ';', ',', '\'', ' '])).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(response: &Response<Body>) -> &str {
        response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap()
    }

    #[test]
    fn a_policy_names_origins_and_nothing_else() {
        let targets =
            ["https://login.example.com:8443/a?b", "javascript:alert(1)", "https://a.example;script-src *", "*"];
        let policy = policy("'sha256-x'", &targets.map(str::to_owned));
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'sha256-x'; img-src data:; base-uri 'none'; form-action 'self' \
             https://login.example.com:8443; frame-ancestors 'none'"
        );
    }

    #[test]
    fn a_front_channel_sign_out_is_framed_by_its_issuer_alone() {
        let response = front_channel("https://login.example.com/tenant", StatusCode::OK);
        assert!(policy_of(&response).ends_with("frame-ancestors https://login.example.com"));
        assert!(!response.headers().contains_key(X_FRAME_OPTIONS));
        let response = front_channel("no address", StatusCode::OK);
        assert!(policy_of(&response).ends_with("frame-ancestors 'none'"));
        assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
    }

    #[test]
    fn a_redirect_is_kept_by_nobody() {
        let response = redirect("/a?b=c");
        assert_eq!(
            (response.status(), &response.headers()[LOCATION]),
            (StatusCode::SEE_OTHER, &"/a?b=c".parse().unwrap())
        );
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(redirect("/a\r\nset-cookie: b").headers()[LOCATION], "/");
    }
}
