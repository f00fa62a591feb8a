//! The faces of the decision: proxies ask about the requests that they carry.

mod assertion;
mod bound;
mod envoy;
mod equality;
mod peers;
mod questions;
mod sign_in;
mod unix;

use std::net::SocketAddr;

use crate::support::{Answer, Call, Gateway, Http1};

/// A gateway with an authorizer of each kind, besides its listener.
pub(crate) const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
authorizers:
  - { name: mesh, kind: envoy-http, address: 127.0.0.1:0, peers: { addresses: [127.0.0.1] } }
  - { name: web, kind: nginx, address: 127.0.0.1:0, peers: { addresses: [127.0.0.0/8] } }
  - { name: edge, kind: forward-auth, address: 127.0.0.1:0, path: /_verdict, peers: { addresses: [127.0.0.1] } }
  - { name: grpc, kind: envoy, address: 127.0.0.1:0, peers: { addresses: [127.0.0.1] } }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { path: /healthz, upstream: api, require: public }
  - { prefix: /signed-in/, upstream: api, require: authenticated, dialect: oauth }
  - { prefix: /v1/, upstream: api }
  - { prefix: /trial/, upstream: api, mode: report }
  - { prefix: /users/, upstream: api, app_only: deny, methods: [GET, POST] }
  - { prefix: /orders/, upstream: api, authorization: remove }
  - { prefix: /elsewhere/, serve: authorizers, encoded: forward }
";

/// The kinds that ask over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    EnvoyHttp,
    Nginx,
    ForwardAuth,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::EnvoyHttp, Kind::Nginx, Kind::ForwardAuth];

impl Kind {
    pub(crate) fn address(self, gateway: &Gateway) -> SocketAddr {
        gateway.authorizer_address(self as usize)
    }

    /// The question about a request, with these fields of the client.
    pub(crate) fn question(self, method: &str, target: &str, fields: &[(&str, &str)]) -> Call {
        let call = match self {
            Self::EnvoyHttp => Call::new(method.parse().unwrap(), &format!("/authorize{target}")),
            Self::Nginx => Call::get("/authorize?own=query")
                .header("x-original-method", method)
                .header("x-original-url", target)
                .header("x-original-client", "192.0.2.7"),
            Self::ForwardAuth => Call::get("/_verdict")
                .header("x-forwarded-method", method)
                .header("x-forwarded-uri", target)
                .header("x-forwarded-host", "api.example")
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-for", "198.51.100.4, 192.0.2.7"),
        };
        let call = call.header("host", "api.example");
        fields.iter().fold(call, |call, (name, value)| call.header(name, value))
    }

    /// The answer to it.
    pub(crate) async fn ask(self, gateway: &Gateway, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        Http1::connect(self.address(gateway)).await.send(&self.question(method, target, fields)).await
    }
}
