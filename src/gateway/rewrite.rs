//! The path that the upstream receives, where it isn't the one that was judged.

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri};
use mfa_gateway_wire::{Body, RawFields};

use super::Reason;
use crate::routing::Route;

static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Replaces the first part of the path where the route says so, and tells the upstream what was taken off.
pub(super) fn apply(request: &mut Request<Body>, route: &Route, told: &mut RawFields) -> Result<(), Reason> {
    let Some(rewrite) = &route.rewrite else { return Ok(()) };
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    // The route was chosen by the prefix, and both are paths.
    let rewritten = rewrite.apply(target).and_then(|target| PathAndQuery::try_from(target).ok());
    *request.uri_mut() = Uri::from(rewritten.ok_or(Reason::UpstreamFailed)?);
    if let Some(prefix) = rewrite.stripped().and_then(|prefix| HeaderValue::from_str(prefix).ok()) {
        told.push(&FORWARDED_PREFIX, &prefix);
    }
    Ok(())
}
