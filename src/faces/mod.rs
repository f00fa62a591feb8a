//! Faces: the decision for requests that another proxy carries.
//!
//! The proxy asks an *authorizer* about each request that it received. A face reads from its question which request that is,
//! and only from the one place that its kind has for that. The request then passes the same stack as one that came on a
//! listener, with the same configuration; only its end is another: `gateway::Verdict` in the place of the proxy. So no face
//! can decide anything: it reads questions, and words answers.
//!
//! | kind | who asks | the question | the answer |
//! |---|---|---|---|
//! | `envoy` | Envoy's `ext_authz` over gRPC; Istio, Envoy Gateway | `CheckRequest` | `CheckResponse` |
//! | `envoy-http` | the same over HTTP | the request itself, its path below the face's | 200, or the refusal |
//! | `nginx` | nginx's `auth_request` | `X-Original-*` | 200, 401 with `Location` in place of a redirect, or the refusal |
//! | `forward-auth` | Traefik, Caddy | `X-Forwarded-*` | 200, or the refusal |
//!
//! Who may ask is configured, and by default nobody may: a client that reaches the face must not be believed.

mod answer;
mod asked;
mod changes;
mod ext_authz;
mod fields;
mod http;
mod peers;
mod service;
mod settings;

pub use peers::Peers;
pub(crate) use service::Face;
pub use settings::{Kind, Settings};
