//! The request that a question is about.

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use ::http::uri::PathAndQuery;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use mfa_gateway_wire::{Body, Busy, Handle, check_question};

use crate::gateway::{Arrived, Carried, Peer, Reason};

/// The fields of a connection and of a message's framing. The proxy has its own.
pub(super) const OF_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
    CONTENT_LENGTH,
];

/// Says that nginx's recipe asks again, for the refusal that it has got already.
pub(super) static ORIGINAL_REFUSED: HeaderName = HeaderName::from_static("x-original-refused");

/// What a proxy says about the request that it carries.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Vec<u8>,
    /// Path and query, as they arrived at the proxy.
    pub(super) target: Vec<u8>,
    pub(super) host: HeaderValue,
    pub(super) https: bool,
    /// The proxy's own peer.
    pub(super) client: SocketAddr,
    /// The other fields.
    pub(super) fields: HeaderMap,
    /// Whether the request was refused already, and the proxy asks for its refusal.
    pub(super) again: bool,
}

/// The connection that a question came on.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) peer: Arc<Peer>,
    pub(super) busy: Option<Busy>,
}

impl Asked {
    /// The request, for the stack.
    ///
    /// # Errors
    ///
    /// What is wrong with it, which the edge of a listener would refuse as well.
    pub(super) fn request(mut self) -> Result<(Request<Body>, Seen), &'static str> {
        check_question(&self.method, &self.target)?;
        let method = Method::from_bytes(&self.method).map_err(|_| METHOD)?;
        let target = PathAndQuery::try_from(&self.target[..]).map_err(|_| TARGET)?;
        let websocket = may_be_websocket(&self.fields);
        // `Connection` says which fields a listener would remove, and is removed with them.
        for name in OF_CONNECTION.iter().filter(|name| **name != CONNECTION) {
            self.fields.remove(name);
        }
        self.fields.insert(HOST, self.host);
        let mut request = Request::new(Body::empty());
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, Uri::from(target), self.fields);
        Ok((request, Seen { client: self.client, https: self.https, websocket, again: self.again }))
    }
}

/// What is known of a request besides what it holds.
#[derive(Debug)]
pub(super) struct Seen {
    client: SocketAddr,
    https: bool,
    websocket: bool,
    again: bool,
}

impl Carrier {
    /// The request of a question, as if it had come on a listener; or the fault of a question that has none.
    pub(super) fn bring(self, asked: Result<(Request<Body>, Seen), Reason>) -> Arrived {
        let Self { peer, busy } = self;
        let unknown = Seen { client: peer.address, https: false, websocket: false, again: false };
        let (request, seen, fault) = match asked {
            Ok((request, seen)) => (request, seen, None),
            Err(fault) => (Request::new(Body::empty()), unknown, Some(fault)),
        };
        let client = Peer {
            address: seen.client,
            forwarded_for: seen.client.ip().to_canonical().to_string().try_into().ok(),
            untold: false,
            handle: Handle::default(),
            tls: seen.https,
            certificate: None,
            thumbprint: None,
            names: Vec::new(),
            user: None,
            shown: None,
            held: Arc::clone(&peer.held),
            carried: Some(Carried { fault, websocket: seen.websocket, again: seen.again }),
        };
        Arrived { request, peer: Some(Arc::new(client)), busy }
    }
}

/// Whether a request may become a `WebSocket` at any server. It then needs the same proof of a session's own page as one
/// that does.
fn may_be_websocket(fields: &HeaderMap) -> bool {
    fields.contains_key(UPGRADE) || fields.keys().any(|name| name.as_str().starts_with("sec-websocket-"))
}

const METHOD: &str = "The method is not a token (RFC 9110 section 9.1).";
const TARGET: &str = "The target is not a path with its query (RFC 9112 section 3.2.1).";
