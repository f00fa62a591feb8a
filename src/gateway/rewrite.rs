//! The path that the upstream receives, where it isn't the one that was judged.

use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};
use mfa_gateway_wire::{Body, RawFields};

use super::Reason;
use super::origin::{FORWARDED_PREFIX, Origin};
use crate::routing::Route;

/// Replaces the first part of the path where the route says so, and tells the upstream what was taken off: by a
/// trusted proxy, and here.
pub(super) fn apply(
    request: &mut Request<Body>,
    route: &Route,
    origin: Option<&Origin>,
    told: &mut RawFields,
) -> Result<(), Reason> {
    let before = origin.and_then(|origin| origin.prefix.as_ref());
    let Some(rewrite) = &route.rewrite else {
        if let Some(before) = before {
            told.push(&FORWARDED_PREFIX, before);
        }
        return Ok(());
    };
    let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    // The route was chosen by the prefix, and both are paths.
    let rewritten = rewrite.apply(target).and_then(|target| PathAndQuery::try_from(target).ok());
    *request.uri_mut() = Uri::from(rewritten.ok_or(Reason::UpstreamFailed)?);
    let before = before.and_then(|before| before.to_str().ok()).unwrap_or_default().trim_end_matches('/');
    let prefix = [before, rewrite.stripped().unwrap_or_default()].concat();
    if let Some(prefix) = HeaderValue::try_from(prefix).ok().filter(|prefix| !prefix.is_empty()) {
        told.push(&FORWARDED_PREFIX, &prefix);
    }
    Ok(())
}
