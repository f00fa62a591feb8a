//! Where connections are accepted, and what they may do.

use std::time::Duration;

use ipnet::IpNet;

use super::{Address, Tls};
use mfa_gateway_wire::StreamLimits;

/// Where connections are taken, how many, and what they may do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses that take traffic.
    pub listeners: Vec<Listener>,
    /// How many threads serve requests, if not one for each core.
    pub threads: Option<usize>,
    /// The networks of proxies, which speak for many clients.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: Option<usize>,
    /// What a connection may do.
    pub connection: ConnectionSettings,
}

impl Settings {
    /// Whether a listener asks clients for certificates.
    pub(crate) fn asks_clients(&self) -> bool {
        self.listeners.iter().any(|listener| listener.tls.as_ref().is_some_and(Tls::asks_clients))
    }
}

/// An address that takes traffic.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address.
    pub address: Address,
    /// Its TLS.
    pub tls: Option<Tls>,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: bool,
}

/// What a connection may do. A connection keeps what it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// A header section, in bytes.
    pub header_bytes: usize,
    /// The number of header fields.
    pub headers: usize,
    /// Streams at once, with HTTP/2.
    pub streams: u32,
    /// Streams that the client may reset before they are taken up, with HTTP/2.
    pub pending_resets: usize,
    /// Streams that may be reset for errors of the client, with HTTP/2.
    pub stream_errors: usize,
    /// The deadline for the end of the first request's head.
    pub header_timeout: Duration,
    /// The time between requests.
    pub idle_timeout: Duration,
    /// How long a client that sends a body or reads a response may make no progress.
    pub body_timeout: Duration,
    /// How long a client that closed its half may receive nothing of a response that has begun.
    pub half_closed: Duration,
    /// Until it is asked to finish.
    pub age: Option<Duration>,
}

/// How many streams an authorizer's peer may have at once. Envoy opens up to 1024 before it has read what is announced, and
/// counts a refused one as an error of the authorizer.
const STREAMS_OF_PEERS: u32 = 10_000;

/// How many streams a proxy of many clients may reset.
const RESETS_OF_PROXIES: usize = 10_000;

impl ConnectionSettings {
    /// For a proxy that asks about the requests of many clients: none of them may use up what the others need.
    pub(super) fn of_peers(self) -> Self {
        Self { streams: self.streams.max(STREAMS_OF_PEERS), ..self.of_trusted_proxies() }
    }

    /// For a proxy that forwards the requests of many clients: those that leave early may not end it for the others.
    pub(super) fn of_trusted_proxies(self) -> Self {
        Self {
            pending_resets: self.pending_resets.max(RESETS_OF_PROXIES),
            stream_errors: self.stream_errors.max(RESETS_OF_PROXIES),
            ..self
        }
    }

    pub(super) fn stream(&self) -> StreamLimits {
        StreamLimits {
            max_head: self.header_bytes,
            max_fields: self.headers,
            write_timeout: self.body_timeout,
            idle: self.idle_timeout,
            half_closed: self.half_closed,
        }
    }
}
