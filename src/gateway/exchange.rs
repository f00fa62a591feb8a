//! A request on its way in, with the observations about it. Observations have no authority: no decision reads them.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::{Method, Request};
use mfa_gateway_layer::Credential;
use mfa_gateway_wire::{Body, Busy, Presence, Refused, STAND_IN_HOST};

use super::Live;
use super::ids::{self, Ids};
use super::origin::nearest;
use super::peer::{Carried, Peer};
use super::question::Question;
use crate::telemetry::Trace;

/// A request as received on a connection, or on none in tests.
#[derive(Debug)]
pub struct Arrived {
    pub(crate) request: Request<Body>,
    /// The peer of the connection.
    pub(crate) peer: Option<Arc<Peer>>,
    /// Keeps the connection busy while it is held.
    pub(crate) busy: Option<Busy>,
}

impl From<Request<Body>> for Arrived {
    fn from(request: Request<Body>) -> Self {
        Self { request, peer: None, busy: None }
    }
}

/// A request, and the observations about it on arrival. The layers pass on its box: a request is too large to move each
/// time.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Request<Body>,
    /// The configuration that judges it: the one in use when it arrived, until it ends.
    pub(super) live: Arc<Live>,
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) ids: Ids,
    /// The fields it arrived with.
    pub(super) present: Presence,
    /// The trace it is part of, if requests are traced.
    pub(super) trace: Option<Arc<Trace>>,
}

impl Exchange {
    /// Gives a request its ids, and its trace, if requests are traced.
    pub(super) fn begin(mut request: Request<Body>, peer: Option<Arc<Peer>>, live: Arc<Live>) -> Box<Self> {
        let present = Presence::in_request(request.headers());
        let ids = ids::take(request.headers_mut(), present, &live.random);
        let trace = live.tracer.as_ref().map(|tracer| Arc::new(tracer.begin(request.headers(), live.clock.now())));
        Box::new(Self { request, live, peer, ids, present, trace })
    }

    /// The question that the request asks, except for where it comes from. A layer that needs one part asks for that part.
    pub(super) fn question(&self) -> Question<'_> {
        Question::new(self.request.method(), self.target(), self.credential()).at(self.host())
    }

    /// Path and query, as they arrived.
    pub(super) fn target(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    /// The `Host` field; empty if there is none.
    pub(super) fn host(&self) -> &str {
        self.request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// The presented credential.
    pub(super) fn credential(&self) -> Credential<'_> {
        Credential::bearer_in(self.request.headers())
    }

    /// The client's address, before the request was sanitized, if it came on a connection.
    pub(super) fn client(&self) -> Option<IpAddr> {
        let trusted = &self.live.edge.trusted_proxies;
        self.peer.as_deref().map(|peer| nearest(peer, self.request.headers(), trusted))
    }

    /// Why the client's message was refused, if this request stands for it. Valid requests that came before it on the
    /// same connection are judged as usual.
    pub(super) fn refused(&self) -> Option<Refused> {
        let refused = self.peer.as_ref()?.handle.refused()?;
        self.request.headers().get(HOST).filter(|host| *host == STAND_IN_HOST).map(|_| refused)
    }

    /// That another proxy carries the request, and only its verdict is wanted.
    pub(super) fn carried(&self) -> Option<&Carried> {
        self.peer.as_deref()?.carried.as_ref()
    }

    /// The method; `None` if the request could not be read, and another stands for it.
    pub(super) fn method(&self) -> Option<&Method> {
        self.refused().is_none().then(|| self.request.method())
    }
}
