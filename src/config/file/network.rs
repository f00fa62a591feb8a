//! Where traffic comes in and where it goes.

use schemars::JsonSchema;
use serde::Deserialize;

/// An address that accepts traffic: HTTP/1.1 and HTTP/2, by ALPN over TLS and with prior knowledge otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Listener {
    /// An IP address and port, for example `0.0.0.0:8080` or `"[::]:8080"`. Port 0 picks a free port. Or
    /// `systemd:NAME`: the sockets that systemd passes under this name.
    pub address: String,
    /// TLS 1.2 and 1.3 on this address. Absent: plain text.
    pub tls: Option<Tls>,
    /// Whether connections begin with the PROXY protocol, version 1 or 2, before TLS. Default `off`. With `required`,
    /// only `trusted_proxies` may connect, and the protocol gives the client's address.
    #[serde(default)]
    pub proxy_protocol: ProxyProtocol,
}

/// Whether connections begin with the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ProxyProtocol {
    /// They don't, and must not.
    #[default]
    Off,
    /// They do; other connections are closed.
    Required,
}

/// TLS on a listener. The gateway rereads the files when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Tls {
    /// The certificates. A client gets the first one that is valid for the requested name, else the first. At least
    /// one.
    pub certificates: Vec<Certificate>,
    /// Client certificates. Absent: the gateway doesn't request them.
    pub client_certificates: Option<ClientCertificates>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Certificate {
    /// A PEM file with the certificate and its intermediates, the certificate first.
    pub certificate_file: String,
    /// A PEM file with the private key.
    pub key_file: String,
}

/// The requirements for client certificates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ClientCertificates {
    /// A PEM file with the authorities that may issue them.
    pub ca_file: String,
    /// Whether a client without a certificate is rejected. Default `true`.
    pub required: Option<bool>,
    /// Whether upstreams receive the verified certificate as `Client-Cert` (RFC 9440). Default `false`.
    #[serde(default)]
    pub forward: bool,
}

/// A service behind the gateway: one or more equivalent endpoints.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Upstream {
    /// The name that routes refer to.
    pub name: String,
    /// `http://host:port` or `https://host:port`, without a path. At least one.
    pub endpoints: Vec<String>,
    /// How the gateway verifies `https` endpoints and identifies itself. Absent: it uses the system's authorities and
    /// the endpoint's host name, and presents no certificate.
    pub tls: Option<UpstreamTls>,
    /// The protocol towards the upstream. Default `http1`; gRPC needs `http2`.
    #[serde(default)]
    pub protocol: Protocol,
    /// The `Host` that it receives: the client's (`preserve`, default) or the endpoint's own (`endpoint`).
    #[serde(default)]
    pub host: HostHeader,
    /// Whether its requests have the signed assertion in `MFA-Assertion`, as the section `assertion` says. Default false.
    #[serde(default)]
    pub assertion: bool,
    /// The deadline for connecting. Default `2s`.
    pub connect_timeout: Option<String>,
    /// The deadline for the head of the response. Default `60s`.
    pub response_timeout: Option<String>,
    /// How long the body of a response may make no progress. Default `5m`.
    pub idle_timeout: Option<String>,
    /// How long an unused connection is kept. Default `4s`, below Node.js's 5 s.
    pub keep_alive: Option<String>,
}

/// TLS to an upstream. The gateway rereads the files when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct UpstreamTls {
    /// A PEM file with the only authorities that may issue its certificates. Absent: the system's.
    pub ca_file: Option<String>,
    /// The name that its certificates must be valid for, also sent as SNI. Absent: the endpoint's host.
    pub server_name: Option<String>,
    /// A PEM file with the certificate that the gateway presents, and its intermediates, the certificate first.
    pub certificate_file: Option<String>,
    /// A PEM file with that certificate's private key.
    pub key_file: Option<String>,
}

/// The protocol towards an upstream.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge otherwise.
    Http2,
}

/// The `Host` that an upstream receives.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum HostHeader {
    /// The client's `Host`.
    #[default]
    Preserve,
    /// The endpoint's own host and port.
    Endpoint,
}
