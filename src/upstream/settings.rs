//! How an upstream is spoken to.

use std::time::Duration;

use http::Uri;

use super::Tls;

/// The settings of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Its endpoints: scheme and authority. At least one.
    pub endpoints: Vec<Uri>,
    /// How its certificates are verified, and who the gateway is to it, if the system's authorities won't do.
    pub tls: Option<Tls>,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it gets the client's `Host`, or the endpoint's own.
    pub preserve_host: bool,
    /// Whether it gets the signed assertion of who calls.
    pub assertion: bool,
    /// The deadline to connect.
    pub connect_timeout: Duration,
    /// The deadline for the head of the response, from the last progress of the request's body on.
    pub response_timeout: Duration,
    /// How long the body of a response may make no progress.
    pub idle_timeout: Duration,
    /// How long an unused connection is kept.
    pub keep_alive: Duration,
}

/// The protocol spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, by ALPN or with prior knowledge.
    Http2,
}
