//! The authorizers: whom proxies ask that carry the requests themselves.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tls;

/// An address where a proxy asks about each request that it carries.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Authorizer {
    /// The name, unique among the authorizers.
    pub name: String,
    /// Which proxy asks, and how.
    pub kind: AuthorizerKind,
    /// An IP address and port of its own, or `systemd:NAME`, as in `listeners`; or `unix:` and the absolute path of a socket.
    pub address: String,
    /// TLS on this address, as on a listener. Absent: plain text.
    pub tls: Option<Tls>,
    /// Who may ask. By default nobody may.
    #[serde(default)]
    pub peers: AuthorizerPeers,
    /// The path that questions over HTTP are sent to; `envoy-http` has the request's own path behind it. Default
    /// `/authorize`. Not for `envoy`, whose path is fixed.
    pub path: Option<String>,
    /// The name of the sign-in of the routes with `serve: authorizers` that take sessions and name none. Default: the only
    /// one.
    pub sign_in: Option<String>,
    /// Whether permits have the signed assertion in `MFA-Assertion`, as the section `assertion` says. Default false.
    #[serde(default)]
    pub assertion: bool,
}

/// The signed assertion of who calls, for backends that verify it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Assertion {
    /// Files with EC private keys in PEM: the first signs, all are published. Replicas share them.
    pub key_files: Vec<String>,
    /// `iss`. Default `mfa-gateway`.
    pub issuer: Option<String>,
    /// `aud`: what the backends call themselves.
    pub audience: String,
    /// How long an assertion is valid, from 5s to 5m. Default `60s`.
    pub lifetime: Option<String>,
}

/// Which proxy asks an authorizer, and how.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum AuthorizerKind {
    /// Envoy and what is built on it, by `ext_authz` over gRPC.
    Envoy,
    /// The same, by `ext_authz` over HTTP.
    EnvoyHttp,
    /// nginx, by `auth_request`.
    Nginx,
    /// Traefik by `ForwardAuth`, Caddy by `forward_auth`.
    ForwardAuth,
}

/// Who may ask an authorizer: what has one of the addresses, one of the names, or one of the users.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AuthorizerPeers {
    /// Their addresses or networks (CIDR).
    #[serde(default)]
    pub addresses: Vec<String>,
    /// DNS names or URIs in their certificates, which `tls.client_certificates` verifies.
    #[serde(default)]
    pub certificate_names: Vec<String>,
    /// The numeric ids of the users that their processes run as, at a Unix socket.
    #[serde(default)]
    pub users: Vec<u32>,
}
