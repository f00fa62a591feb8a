//! A request on its way in, with what is observed of it. Nothing that is observed has authority: no decision reads it.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::Live;
use super::origin::Origin;
use super::upgrade::Wanted;
use crate::telemetry::Trace;
use mfa_gateway_core::random::Random;
use mfa_gateway_wire::{Body, Busy, Handle, Lines, Present};

/// Partner Center's request id: the same on a retry.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
/// Partner Center's correlation id: the same for a chain of calls.
pub(super) static CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");

/// A request as it came by a connection, or by none in tests.
#[derive(Debug)]
pub struct Arrived {
    pub(crate) request: Request<Body>,
    /// Who is at the other end.
    pub(crate) peer: Option<Arc<Peer>>,
    /// Keeps the connection busy for as long as it is held.
    pub(crate) busy: Option<Busy>,
}

impl From<Request<Body>> for Arrived {
    fn from(request: Request<Body>) -> Self {
        Self { request, peer: None, busy: None }
    }
}

/// A request, and what is observed of it. The layers hand on its box: a request is too large to be moved each time.
#[derive(Debug)]
pub struct Exchange {
    pub(super) request: Request<Body>,
    /// The configuration it is judged by: the one of the moment it came, for all of its way.
    pub(super) live: Arc<Live>,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) ids: Ids,
    /// Which fields it came with.
    pub(super) present: Present,
    /// How many requests were in flight when it came.
    pub(super) before: i64,
    /// Where it comes from, once that was read from its fields.
    pub(super) origin: Option<Origin>,
    /// The protocol that it asks for.
    pub(super) wanted: Option<Wanted>,
    /// The trace it is part of, if requests are traced.
    pub(super) trace: Option<Arc<Trace>>,
    /// What its upstream is told beside its own fields.
    pub(super) told: Lines,
}

impl Exchange {
    /// Gives a request its ids.
    pub(crate) fn begin(mut request: Request<Body>, peer: Option<Arc<Peer>>, live: Arc<Live>) -> Box<Self> {
        let present = Present::in_request(request.headers());
        let ids = Ids::take(request.headers_mut(), present, &live.random);
        let (origin, wanted, trace, told) = (None, None, None, Lines::default());
        Box::new(Self { request, live, peer, ids, present, before: 0, origin, wanted, trace, told })
    }

    /// The client's address, if the request came by a connection.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.origin.as_ref().map(|origin| origin.client)
    }

    /// The request alone.
    pub(crate) fn into_request(self) -> Request<Body> {
        self.request
    }

    /// The request's ids.
    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }
}

/// Who is at the other end of the connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address: the client's, if the PROXY protocol told it.
    pub(crate) address: SocketAddr,
    /// The same, as upstreams are told it.
    pub(crate) forwarded_for: Option<HeaderValue>,
    /// Whether that is the address of a proxy which didn't tell its client's.
    pub(crate) untold: bool,
    /// The connection.
    pub(crate) handle: Handle,
    /// Whether it came over TLS.
    pub(crate) tls: bool,
    /// The client's verified certificate as `Client-Cert`, if upstreams are to get it.
    pub(crate) certificate: Option<HeaderValue>,
    /// What the connection counts against. A tunnel keeps it for as long as it lasts.
    pub(crate) held: Arc<dyn Any + Send + Sync>,
}

/// The ids of a request. They stand in none of its own fields.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(super) request: HeaderValue,
    pub(super) correlation: HeaderValue,
}

impl Ids {
    /// Takes the client's ids out of a request where they are well-formed, and makes them otherwise.
    fn take(headers: &mut HeaderMap, present: Present, random: &Random) -> Self {
        let mut sent = |any, name| if present.has(any) { taken(headers, name) } else { None };
        let ids = (sent(Present::REQUEST_ID, &REQUEST_ID), sent(Present::CORRELATION_ID, &CORRELATION_ID));
        if let (Some(request), Some(correlation)) = ids {
            return Self { request, correlation };
        }
        let [one, other] = random_ids(random);
        Self { request: ids.0.unwrap_or(one), correlation: ids.1.unwrap_or(other) }
    }

    /// What the upstream is told of them.
    pub(super) fn tell(&self, lines: &mut Lines) {
        lines.push(&REQUEST_ID, &self.request);
        lines.push(&CORRELATION_ID, &self.correlation);
    }

    /// Puts the ids into an answer that has none.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        headers.reserve(2);
        headers.entry(&REQUEST_ID).or_insert_with(|| self.request.clone());
        headers.entry(&CORRELATION_ID).or_insert_with(|| self.correlation.clone());
    }
}

/// The id that the client sent, if it is one and well-formed. Whatever it sent is removed.
fn taken(headers: &mut HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let is_one = headers.get_all(name).iter().count() == 1;
    headers.remove(name).filter(|value| is_one && is_well_formed(value))
}

/// Two ids that share their memory.
fn random_ids(random: &Random) -> [HeaderValue; 2] {
    let ids = [random.uuid_ascii(), random.uuid_ascii()];
    let mut one = BytesMut::from(ids.as_flattened());
    let other = one.split_off(one.len() / 2);
    // A UUID is visible ASCII.
    let value = |id: BytesMut| HeaderValue::from_maybe_shared(id.freeze());
    [one, other].map(|id| value(id).unwrap_or_else(|_| HeaderValue::from_static("-")))
}

/// A GUID, or another short word without characters that mean something in logs or markup.
fn is_well_formed(value: &HeaderValue) -> bool {
    (1..=64).contains(&value.len())
        && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
