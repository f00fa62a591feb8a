//! Sanitize: refuses requests that two servers could read differently, and removes fields that only the gateway may
//! set.
//!
//! It stands before routing, so that everything after it sees one host, one path and no field by which a client could
//! impersonate a caller.

use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Response, Version};
use memchr::memchr3_iter;
use tower::{Layer, Service};

use super::exchange::Exchange;
use super::origin::Origin;
use super::pipeline::Observed;
use super::service::{Inner, Next, refuse};
use super::upgrade::Wanted;
use super::{Admitted, Reason, Rejection, Sanitized, forward, host, upgrade};
use crate::session::{self, OwnCookies};
use mfa_gateway_wire::{Body, Presence, QUERY_NOT_ASCII, Refused, headers};

/// The longest method; the longest registered one has 17 characters.
const MAX_METHOD: usize = 32;

/// Makes [`Sanitize`].
#[derive(Clone, Copy, Debug)]
pub struct SanitizeLayer;

/// Refuses ambiguous requests, and cleans the others.
#[derive(Clone, Debug)]
pub struct Sanitize<S> {
    inner: S,
}

impl<S> Layer<S> for SanitizeLayer {
    type Service = Sanitize<S>;

    fn layer(&self, inner: S) -> Sanitize<S> {
        Sanitize { inner }
    }
}

impl<S: Inner<Sanitized>> Service<Admitted> for Sanitize<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, Admitted(mut exchange): Admitted) -> Self::Future {
        match sanitize(&mut exchange) {
            Ok(wanted) => {
                let Exchange { request, live, peer, .. } = &*exchange;
                let origin = peer.as_ref().map(|peer| Origin::of(peer, request.headers(), &live.edge.trusted_proxies));
                let websocket = wanted.is_some() || exchange.carried().is_some_and(|carried| carried.websocket);
                clean(&mut exchange);
                let cookies = take_cookies(&mut exchange);
                let observed = Box::new(Observed { origin, wanted, websocket, cookies, ..Observed::default() });
                Next::Left(self.inner.call(Sanitized { exchange, observed }))
            }
            Err(reason) => refuse(Rejection::new(reason)),
        }
    }
}

/// Takes the gateway's own cookies out, which no upstream may see.
fn take_cookies(exchange: &mut Exchange) -> Vec<OwnCookies> {
    let Exchange { request, live, .. } = exchange;
    if live.doors.is_empty() || !request.headers().contains_key(COOKIE) {
        return Vec::new();
    }
    live.doors
        .iter()
        .map(|door| session::take_cookies(request.headers_mut(), &door.sign_in.settings().cookie))
        .collect()
}

/// Checks a request, and returns the protocol it asks for.
fn sanitize(exchange: &mut Exchange) -> Result<Option<Wanted>, Reason> {
    if let Some(fault) = exchange.carried().and_then(|carried| carried.fault.clone()) {
        return Err(fault);
    }
    match exchange.refused() {
        None => {}
        Some(Refused::Malformed(rule)) => return Err(Reason::Malformed(rule)),
        Some(Refused::HeadTooLarge) => return Err(Reason::HeadTooLarge),
        Some(Refused::TargetTooLong) => return Err(Reason::UriTooLong),
    }
    let is_carried = exchange.carried().is_some();
    let Exchange { request, present, live, peer, .. } = exchange;
    // A listener removes them and sets its own; behind another proxy, the API would receive none.
    let identity = forward::identity_names().chain(&live.edge.claim_fields);
    if is_carried && headers::nominates(request.headers(), identity) {
        return Err(Reason::Malformed(NOMINATED));
    }
    if is_refused(request.method()) {
        return Err(Reason::MethodNotAllowed(Vec::new()));
    }
    check_framing(request.version(), request.headers(), *present).map_err(Reason::Malformed)?;
    let authorized = present.has(Presence::AUTHORIZATION);
    if authorized && request.headers().get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(Reason::Malformed("The request has more than one Authorization field (RFC 9110 section 5.3)."));
    }
    let expected = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if present.has(Presence::EXPECT) && !request.headers().get_all(EXPECT).iter().all(expected) {
        return Err(Reason::ExpectationFailed);
    }
    if authorized && names_token(request.uri().query()) {
        let rule = "The request has two credentials, one of them in the query (RFC 6750 section 2).";
        return Err(Reason::Malformed(rule));
    }
    // HTTP/1.1 has it in its request line, which is checked as a whole.
    if request.version() > Version::HTTP_11 && !request.uri().query().is_none_or(str::is_ascii) {
        return Err(Reason::Malformed(QUERY_NOT_ASCII));
    }
    if request.headers().len() > live.edge.headers {
        return Err(Reason::HeadTooLarge);
    }
    host::fix(request, live.judge.routes.names_hosts()).map_err(Reason::Malformed)?;
    if let Some(shown) = peer.as_ref().and_then(|peer| peer.shown.as_ref()) {
        host::check_certificate(request, &**shown)?;
    }
    if present.has(Presence::UPGRADE) { upgrade::wanted(request, peer.as_ref()) } else { Ok(None) }
}

/// A proxy on the way would remove who calls after the gateway has said it.
const NOMINATED: &str =
    "Connection names a field that says who calls, and belongs to no connection (RFC 9110 section 7.6.1).";

/// Whether no route serves a method: no tunnels, no echo of the request (`TRACK` is IIS's), no disguised HTTP/2 preface
/// (RFC 9113 section 11.6), and none so long that it can only be meant for a parser.
fn is_refused(method: &Method) -> bool {
    matches!(method.as_str(), "CONNECT" | "TRACE" | "TRACK" | "PRI") || method.as_str().len() > MAX_METHOD
}

/// Refuses framing and connection fields that are ambiguous or out of place (RFC 9112 section 6, RFC 9113 section 8.2.2).
fn check_framing(version: Version, headers: &HeaderMap, present: Presence) -> Result<(), &'static str> {
    if version > Version::HTTP_11 {
        let of_connection = present.has(Presence::HOP_BY_HOP);
        let foreign = of_connection
            && ([CONNECTION, TRANSFER_ENCODING, UPGRADE].iter().any(|name| headers.contains_key(name))
                || headers.contains_key("keep-alive")
                || headers.contains_key("proxy-connection"));
        if present.has(Presence::CONTENT_LENGTH) && !has_one_length(headers) || headers.values().any(headers::is_padded)
        {
            return Err("Content-Length is not one number, or a value has whitespace around it (RFC 9113 section 8).");
        }
        let te = !of_connection
            || headers.get_all(TE).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
        return if foreign || !te {
            Err("A connection-specific field is not allowed in HTTP/2 (RFC 9113 section 8.2.2).")
        } else {
            Ok(())
        };
    }
    if !present.has(Presence::FRAMING) {
        return Ok(());
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("The only accepted transfer coding is chunked (RFC 9112 section 6.1).");
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return Err("The request has both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).");
        }
    }
    if !has_one_length(headers) {
        return Err("Content-Length is not one decimal number (RFC 9112 section 6.3).");
    }
    Ok(())
}

/// Whether `Content-Length` is absent, or is a number.
fn has_one_length(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_number = |length: &[u8]| !length.is_empty() && length.iter().all(u8::is_ascii_digit);
    lengths.next().is_none_or(|length| is_number(length.as_bytes())) && lengths.next().is_none()
}

/// Whether the query has an `access_token` (RFC 6750 section 2.3). The gateway never reads it, but a backend might.
pub(super) fn names_token(query: Option<&str>) -> bool {
    let Some(query) = query else { return false };
    // Some servers split at other characters.
    let ends = memchr3_iter(b';', b'?', b'&', query.as_bytes()).chain([query.len()]);
    let mut begin = 0;
    ends.into_iter().any(|end| {
        let part = query.get(begin..end).unwrap_or_default();
        begin = end + 1;
        is_token_parameter(part)
    })
}

/// Whether a parameter's name is `access_token`, without regard to letter case and whitespace, as in some servers.
fn is_token_parameter(part: &str) -> bool {
    const NAME: &str = "access_token";
    // No text is shorter than what it decodes to.
    if part.len() < NAME.len() {
        return false;
    }
    let name = part.split_once('=').map_or(part, |(name, _)| name);
    if name.len() < NAME.len() {
        false
    } else if name.contains(['%', '+']) {
        url::form_urlencoded::parse(part.as_bytes()).any(|(name, _)| name.trim().eq_ignore_ascii_case(NAME))
    } else {
        name.trim().eq_ignore_ascii_case(NAME)
    }
}

/// Removes the fields of the client's connection, those that frame its message, and those that only the gateway may
/// set.
fn clean(exchange: &mut Exchange) {
    let Exchange { request, present, live, .. } = exchange;
    let fields = request.headers_mut();
    // The message to the upstream gets new framing from the body itself.
    if present.has(Presence::HOP_BY_HOP) {
        headers::remove_hop_by_hop(fields);
    }
    if present.has(Presence::CONTENT_LENGTH) {
        fields.remove(CONTENT_LENGTH);
    }
    // Handled here: the gateway asks for the body when the upstream takes it, which is after the decision.
    if present.has(Presence::EXPECT) {
        fields.remove(EXPECT);
    }
    if present.has(Presence::SUSPECT) {
        headers::remove_identity_fields(fields);
    }
    if !live.edge.claim_fields.is_empty() {
        headers::remove_spellings(fields, &live.edge.claim_fields);
    }
}
