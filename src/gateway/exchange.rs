//! What is observed of a request, carried in its extensions. Nothing here has authority: no decision reads it.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::net::{Body, Handle};
use crate::random::Random;

/// Partner Center's request id: the same on a retry.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
/// Partner Center's correlation id: the same for a chain of calls.
pub(super) static CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");

/// Who is at the other end of the connection.
#[derive(Clone, Debug)]
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

/// The ids of a request.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(super) request: HeaderValue,
    pub(super) correlation: HeaderValue,
}

impl Ids {
    /// Takes the client's ids where they are well-formed, makes them otherwise, and puts them into the request.
    pub(crate) fn take(request: &mut Request<Body>, random: &Random) -> Self {
        let headers = request.headers_mut();
        let ids = Self { request: id(headers, &REQUEST_ID, random), correlation: id(headers, &CORRELATION_ID, random) };
        request.extensions_mut().insert(ids.clone());
        ids
    }

    /// Puts the ids into an answer that has none.
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        headers.entry(&REQUEST_ID).or_insert(self.request);
        headers.entry(&CORRELATION_ID).or_insert(self.correlation);
    }
}

fn id(headers: &mut HeaderMap, name: &HeaderName, random: &Random) -> HeaderValue {
    let mut values = headers.get_all(name).iter();
    let id = match (values.next(), values.next()) {
        (Some(value), None) if is_well_formed(value) => return value.clone(),
        // A UUID is visible ASCII.
        _ => HeaderValue::try_from(random.uuid()).unwrap_or_else(|_| HeaderValue::from_static("-")),
    };
    headers.insert(name, id.clone());
    id
}

/// A GUID, or another short word without characters that mean something in logs or markup.
fn is_well_formed(value: &HeaderValue) -> bool {
    (1..=64).contains(&value.len())
        && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
