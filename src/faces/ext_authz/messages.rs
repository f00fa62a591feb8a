//! The messages of `envoy.service.auth.v3`, as far as they are used. Unknown fields are skipped.
//!
//! Envoy's `string` fields are `bytes` here, which have the same encoding: a message's text becomes fields without
//! being copied, and is checked there. `tests/envoy-types` compares these with Envoy's own.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};

/// The question. A peer's certificate and principal, metadata, extensions and the request's body are no evidence, so
/// they aren't here.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) attributes: Option<Attributes>,
}

/// `AttributeContext`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attributes {
    #[prost(message, optional, tag = "1")]
    pub(super) source: Option<Source>,
    #[prost(message, optional, tag = "4")]
    pub(super) request: Option<Carried>,
}

/// `AttributeContext.Peer`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Source {
    #[prost(message, optional, tag = "1")]
    pub(super) address: Option<Address>,
}

/// `envoy.config.core.v3.Address`; it has other kinds of addresses, which name no client.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Address {
    #[prost(message, optional, tag = "1")]
    pub(super) socket_address: Option<SocketAddress>,
}

/// `envoy.config.core.v3.SocketAddress`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SocketAddress {
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) address: Bytes,
    #[prost(uint32, tag = "3")]
    pub(super) port_value: u32,
}

/// `AttributeContext.Request`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Carried {
    #[prost(message, optional, tag = "2")]
    pub(super) http: Option<Http>,
}

/// `AttributeContext.HttpRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Http {
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) method: Bytes,
    /// A map; each entry is a message of its own.
    #[prost(message, repeated, tag = "3")]
    pub(super) headers: Vec<Header>,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) path: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) host: Bytes,
    #[prost(bytes = "bytes", tag = "6")]
    pub(super) scheme: Bytes,
    #[prost(bytes = "bytes", tag = "7")]
    pub(super) query: Bytes,
    #[prost(bytes = "bytes", tag = "8")]
    pub(super) fragment: Bytes,
    #[prost(message, optional, tag = "13")]
    pub(super) header_map: Option<HeaderMap>,
}

/// `envoy.config.core.v3.HeaderMap`: a list.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<Header>,
}

/// `envoy.config.core.v3.HeaderValue`, and an entry of a map.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) raw_value: Bytes,
}

/// The answer. Status 0 permits; nothing else of it decides.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(oneof = "Outcome", tags = "2, 3")]
    pub(super) outcome: Option<Outcome>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// What follows for the request or its client.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Outcome {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Permitted(Permitted),
}

/// `DeniedHttpResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Denied {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderOption>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) body: Bytes,
}

/// `envoy.type.v3.HttpStatus`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// `OkHttpResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Permitted {
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderOption>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) headers_to_remove: Vec<Bytes>,
    #[prost(message, repeated, tag = "6")]
    pub(super) response_headers_to_add: Vec<HeaderOption>,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<Header>,
    #[prost(message, optional, tag = "2")]
    pub(super) append: Option<BoolValue>,
    #[prost(enumeration = "Action", tag = "3")]
    pub(super) action: i32,
}

/// `google.protobuf.BoolValue`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BoolValue {
    #[prost(bool, tag = "1")]
    pub(super) value: bool,
}

/// What a field does to those of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(super) enum Action {
    Append = 0,
    Overwrite = 2,
}
