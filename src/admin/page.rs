//! The page that explains a token. It is made of three files, works without anything from elsewhere, and its policy
//! forbids all else: whatever a token brings into it can neither run nor be sent away.

use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, Response, StatusCode};

use super::respond::typed;
use mfa_gateway_wire::Body;

/// Scripts, styles and requests of the page's own origin, and nothing else. No form is sent, since without its script the
/// page would put the token into an address.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

pub(super) fn page() -> Response<Body> {
    let mut response = typed(StatusCode::OK, "text/html; charset=utf-8", include_str!("assets/explain.html"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

pub(super) fn script() -> Response<Body> {
    typed(StatusCode::OK, "text/javascript; charset=utf-8", include_str!("assets/explain.js"))
}

pub(super) fn style() -> Response<Body> {
    typed(StatusCode::OK, "text/css; charset=utf-8", include_str!("assets/explain.css"))
}
