//! The peer of a connection.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use mfa_gateway_wire::Handle;

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
    /// The limits that the connection counts against. A tunnel holds them until it ends.
    pub(crate) held: Arc<dyn Any + Send + Sync>,
}
