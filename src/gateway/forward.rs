//! The head of a forwarded message: the fields that the gateway sends to the upstream, and those it forwards to the
//! client.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, TE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;

use super::assertion::ASSERTION;
use super::expiry::Expiry;
use super::ids::{self, Ids};
use super::origin::Origin;
use super::{Live, claim_trailers, nonce, token_place};
use crate::routing::Route;
use crate::session;
use crate::upstream::Protocol;
use mfa_gateway_core::policy::{Grounds, Proof};
use mfa_gateway_wire::{Body, RawFields, headers};

/// The identity fields. `docs/upstream.md` describes them.
static CLASS: HeaderName = HeaderName::from_static("x-auth-request-class");
static ISSUER: HeaderName = HeaderName::from_static("x-auth-request-issuer");
static TENANT: HeaderName = HeaderName::from_static("x-auth-request-tenant");
static APPLICATION: HeaderName = HeaderName::from_static("x-auth-request-application");
static USER: HeaderName = HeaderName::from_static("x-auth-request-user");
static METHODS: HeaderName = HeaderName::from_static("x-auth-request-methods");
static GROUNDS: HeaderName = HeaderName::from_static("x-auth-request-grounds");

/// The usual length of the fields about a request.
const ROOM: usize = 768;

/// The usual length of the identity fields.
const IDENTITY_ROOM: usize = 384;

/// Puts the fields of a request into the form in which they are forwarded, with this `Authorization` if there is one.
pub(super) fn prepare_request(
    request: &mut Request<Body>,
    route: &Route,
    protocol: Protocol,
    authorization: Option<HeaderValue>,
) {
    let from_http2 = request.version() > Version::HTTP_11;
    let empty = request.body().is_end_stream();
    let has_body_by_meaning = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let fields = request.headers_mut();
    if !route.forward_authorization {
        fields.remove(AUTHORIZATION);
    }
    token_place::remove(&route.token_from, route.forward_authorization, fields);
    if let Some(edits) = &route.request_fields {
        edits.apply_to_request(fields);
    }
    if let Some(authorization) = authorization {
        fields.insert(AUTHORIZATION, authorization);
    }
    // A method that defines a meaning for a body announces that there is none (RFC 9110 section 8.6).
    if empty && has_body_by_meaning {
        fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    // Without a length, hyper assumes that a GET or HEAD has no body.
    let unannounced = !empty && request.body().size_hint().exact().is_none();
    let fields = request.headers_mut();
    if protocol == Protocol::Http1 && unannounced && !has_body_by_meaning {
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if from_http2 {
        join_cookies(fields);
    }
    // gRPC asks every hop for trailers; in HTTP/1.1 the field would be the connection's.
    if protocol == Protocol::Http2 {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Puts a request's body into the form in which it is forwarded: nobody gets a claim past the gateway in a trailer field,
/// and a body that still streams when the token expires may end there.
pub(super) fn prepare_body(body: &mut Body, claims: &[HeaderName], expiry: Option<&Arc<Expiry>>) {
    if body.is_end_stream() {
        return;
    }
    if !claims.is_empty() {
        *body = claim_trailers::remove(std::mem::take(body), claims);
    }
    if let Some(expiry) = expiry {
        *body = expiry.bound(std::mem::take(body));
    }
}

/// Adds the fields for the upstream: the request's ids, its origin and the identity fields. Sanitizing removed the
/// client's own.
pub(super) fn tell(ids: &Ids, origin: Option<&Origin>, grounds: &Grounds, proof: Option<&Proof>) -> RawFields {
    let mut told = RawFields::with_capacity(ROOM);
    ids::tell(ids, &mut told);
    if let Some(origin) = origin {
        origin.tell(&mut told);
    }
    if let Some(proof) = proof {
        told.push(&GROUNDS, &HeaderValue::from_static(grounds.code()));
        told.push(&CLASS, &HeaderValue::from_static(proof.principal.class()));
        if let Some(identity) = proof.attached.get_or_make(|| identity(proof)) {
            told.extend(identity);
        }
    }
    told
}

/// The names of the identity fields, but for those of claims.
pub(super) fn identity_names<'n>() -> impl Iterator<Item = &'n HeaderName> {
    [&CLASS, &ISSUER, &TENANT, &APPLICATION, &USER, &METHODS, &GROUNDS, &ASSERTION].into_iter()
}

/// The identity fields of a token, and those with its claims. The cache keeps them with the token.
fn identity(proof: &Proof) -> RawFields {
    let user = proof.principal.user().and_then(|user| user.id.as_deref());
    let told = [
        (&ISSUER, Some(&*proof.issuer.name)),
        (&TENANT, proof.tenant.as_deref()),
        (&APPLICATION, proof.principal.app().id.as_deref()),
        (&USER, user),
    ];
    let mut lines = RawFields::with_capacity(IDENTITY_ROOM);
    for (name, value) in told {
        if let Some(value) = value {
            lines.push_list(name, [value]);
        }
    }
    let methods = proof.amr.methods();
    if methods.iter().any(|method| !method.is_empty()) {
        lines.push_list(&METHODS, methods.iter().map(String::as_str));
    }
    for (one, texts) in proof.issuer.told.iter().zip(&proof.told) {
        if let (Some(texts), Ok(name)) = (texts, HeaderName::from_bytes(one.field.as_bytes())) {
            lines.push_list(&name, texts.iter().map(String::as_str));
        }
    }
    lines.shrink_to_fit();
    lines
}

/// HTTP/2 clients may split a cookie field, which HTTP/1.1 servers read as one (RFC 9113 section 8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        fields.insert(COOKIE, joined);
    }
}

/// Puts a response into the form in which the route forwards it.
pub(super) fn finish_response(response: &mut Response<Body>, route: &Route, live: &Live, expiry: Option<&Arc<Expiry>>) {
    for door in &live.doors {
        session::remove_set(response.headers_mut(), &door.sign_in.settings().cookie);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        token_place::agree(&route.token_from, response.headers_mut());
    }
    if let Some(edits) = &route.response_fields {
        edits.apply_to_response(response.headers_mut());
    }
    nonce::remove(response.headers_mut(), route, live);
    if let Some(expiry) = expiry {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = expiry.bound(body);
    }
}

/// Removes the fields of the upstream's connection.
pub(super) fn clean_response(fields: &mut HeaderMap) {
    headers::remove_hop_by_hop(fields);
}
