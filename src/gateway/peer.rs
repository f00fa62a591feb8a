//! The peer of a connection.

use std::any::Any;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use mfa_gateway_core::token::Thumbprint;
use mfa_gateway_wire::Handle;

use super::Reason;

/// The certificate that a client was shown.
pub(crate) trait Shown: Debug + Send + Sync {
    /// Whether it is also the certificate for this host.
    fn is_for(&self, host: &str) -> bool;
}

/// The peer of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address: the client's, if the PROXY protocol reported it.
    pub(crate) address: SocketAddr,
    /// The same, as upstreams receive it.
    pub(crate) forwarded_for: Option<HeaderValue>,
    /// Whether that is the address of a proxy that didn't report its client's.
    pub(crate) untold: bool,
    /// The connection.
    pub(crate) handle: Handle,
    /// Whether it uses TLS.
    pub(crate) tls: bool,
    /// The client's verified certificate as `Client-Cert`, if upstreams receive it.
    pub(crate) certificate: Option<HeaderValue>,
    /// The thumbprint of the client's verified certificate.
    pub(crate) thumbprint: Option<Thumbprint>,
    /// The names in the client's verified certificate: DNS names and URIs.
    pub(crate) names: Vec<String>,
    /// The user of the process at the other end of a Unix socket. Its address is then loopback's.
    pub(crate) user: Option<u32>,
    /// The certificate that the client was shown for the name that it asked for, if there are several.
    pub(crate) shown: Option<Box<dyn Shown>>,
    /// The limits that the connection counts against. A tunnel holds them until it ends.
    pub(crate) held: Arc<dyn Any + Send + Sync>,
    /// That another proxy carries the peer's request, which is only judged here.
    pub(crate) carried: Option<Carried>,
}

/// A request that another proxy carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Why the proxy's question is refused before its request is judged.
    pub(crate) fault: Option<Reason>,
    /// Whether it may become a `WebSocket`.
    pub(crate) websocket: bool,
    /// Whether it was refused already, and is asked about again for its refusal: no answer to that is a permit.
    pub(crate) again: bool,
}
