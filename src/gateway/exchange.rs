//! A request on its way in, with what is observed of it. What is observed has no authority: no decision reads it.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::{Method, Request};
use mfa_gateway_layer::Credential;
use mfa_gateway_wire::{Body, Busy, Presence, Refused, STAND_IN_HOST};

use super::Live;
use super::ids::Ids;
use super::origin::nearest;
use super::peer::Peer;
use super::question::Question;
use crate::telemetry::Trace;

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

/// A request, and what is observed of it when it comes. The layers hand on its box: a request is too large to be moved each
/// time.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Request<Body>,
    /// The configuration it is judged by: the one of the moment it came, for all of its way.
    pub(super) live: Arc<Live>,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) ids: Ids,
    /// Which fields it came with.
    pub(super) present: Presence,
    /// The trace it is part of, if requests are traced.
    pub(super) trace: Option<Arc<Trace>>,
}

impl Exchange {
    /// Gives a request its ids, and its trace, if requests are traced.
    pub(super) fn begin(mut request: Request<Body>, peer: Option<Arc<Peer>>, live: Arc<Live>) -> Box<Self> {
        let present = Presence::in_request(request.headers());
        let ids = Ids::take(request.headers_mut(), present, &live.random);
        let trace = live.tracer.as_ref().map(|tracer| Arc::new(tracer.begin(request.headers(), live.clock.now())));
        Box::new(Self { request, live, peer, ids, present, trace })
    }

    /// The question that the request asks, but for where it comes from.
    pub(super) fn question(&self) -> Question<'_> {
        let target = self.request.uri().path_and_query().map_or("/", |target| target.as_str());
        Question::new(self.request.method(), target, Credential::bearer_in(self.request.headers()))
    }

    /// The client's address, before the request was cleaned, if it came by a connection.
    pub(super) fn client(&self) -> Option<IpAddr> {
        let trusted = &self.live.edge.trusted_proxies;
        self.peer.as_deref().map(|peer| nearest(peer, self.request.headers(), trusted))
    }

    /// Why what the client sent was not let through, if this request stands for it. Sound requests that came before it on
    /// the same connection are judged as usual.
    pub(super) fn refused(&self) -> Option<Refused> {
        let refused = self.peer.as_ref()?.handle.refused()?;
        self.request.headers().get(HOST).filter(|host| *host == STAND_IN_HOST).map(|_| refused)
    }

    /// The method; `None` if the request could not be read, and another stands for it.
    pub(super) fn method(&self) -> Option<&Method> {
        self.refused().is_none().then(|| self.request.method())
    }
}
