//! The page that explains a token. It is made of three files, works without anything from elsewhere, and its policy
//! forbids everything else: text from a token can neither run nor be sent elsewhere.

use aide::axum::IntoApiResponse;
use axum::response::{Html, IntoResponse};
use http::HeaderName;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// Scripts, styles and requests of the page's own origin, and nothing else. No form is sent, since without its script
/// the page would put the token into an address.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

pub(super) fn page() -> impl IntoResponse {
    let fields = [(CONTENT_SECURITY_POLICY, POLICY), (OPENER_POLICY, "same-origin")];
    (fields, Html(include_str!("assets/explain.html")))
}

pub(super) async fn script() -> impl IntoApiResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("assets/explain.js"))
}

pub(super) async fn style() -> impl IntoApiResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("assets/explain.css"))
}
