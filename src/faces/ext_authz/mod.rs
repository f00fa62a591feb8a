//! Envoy's `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization`, and the health service beside it.
//!
//! Every question that can be read gets a `CheckResponse`: Envoy takes a gRPC error for trouble, which it may be
//! configured to let pass. So every refusal, 503 included, is a `denied_response`.

mod deadline;
mod health;
mod messages;
mod question;
mod service;
mod verdict;

pub(super) use service::respond;
