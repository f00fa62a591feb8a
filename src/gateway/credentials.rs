//! One credential, where a route takes it from another place than `Authorization`.
//!
//! A second one, at the same place, in `Authorization` or in the query, is refused before anything is verified. Browsers
//! send cookies whichever page makes the request; so a request by cookie that may change something, or asks for a
//! `WebSocket`, must come from a page of the gateway's own origin.

use http::header::{AUTHORIZATION, ORIGIN};
use http::{HeaderName, Method};

use super::Reason;
use super::only::only;
use super::pipeline::Sanitized;
use super::sanitize::names_token;
use super::token_place::count;
use crate::routing::TokenPlace;

const TWO: &str = "The request has two credentials. This route takes one, at one place (RFC 6750 section 2).";

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request with two credentials, and one by cookie that a page of another origin may have made.
pub(super) fn check(place: &TokenPlace, sanitized: &Sanitized) -> Result<(), Reason> {
    if *place == TokenPlace::Authorization {
        return Ok(());
    }
    let request = &sanitized.exchange.request;
    let elsewhere = || request.headers().contains_key(AUTHORIZATION) || names_token(request.uri().query());
    match count(place, request.headers()) {
        1 if elsewhere() => Err(Reason::Malformed(TWO)),
        1 if matches!(place, TokenPlace::Cookie(_)) && !is_of_own_page(sanitized) => Err(Reason::CrossOrigin),
        0 | 1 => Ok(()),
        _ => Err(Reason::Malformed(TWO)),
    }
}

/// Whether a page of the gateway's own origin made a request by cookie, as far as it matters: browsers let no other page
/// read the response to a request that changes nothing.
fn is_of_own_page(sanitized: &Sanitized) -> bool {
    let request = &sanitized.exchange.request;
    let (fields, websocket) = (request.headers(), sanitized.observed.websocket);
    if !websocket && matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let same_site = only(fields, &FETCH_SITE).is_some_and(|site| site == "same-origin");
    if !fields.contains_key(ORIGIN) {
        return same_site && !websocket;
    }
    let own = sanitized.observed.origin.as_ref();
    let is_own = only(fields, &ORIGIN).is_some_and(|origin| own.is_some_and(|own| own.is_of(origin)));
    is_own && (same_site || !fields.contains_key(&FETCH_SITE))
}
