//! The messages of `envoy.service.auth.v3`, as far as they are used. Unknown fields are skipped.
//!
//! Envoy's `string` fields are `bytes` here, which have the same encoding: a message's text becomes fields without
//! being copied, and is checked there.

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

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::config::core::v3 as core;
    use envoy_types::pb::envoy::service::auth::v3 as auth;
    use envoy_types::pb::envoy::r#type::v3 as kinds;

    use super::*;

    fn text(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn their_question() -> auth::CheckRequest {
        let socket = core::SocketAddress {
            address: "192.0.2.7".to_owned(),
            port_specifier: Some(core::socket_address::PortSpecifier::PortValue(4711)),
            resolver_name: "r".to_owned(),
            ..Default::default()
        };
        let address = core::Address { address: Some(core::address::Address::SocketAddress(socket)) };
        let raw = core::HeaderValue { key: "a".to_owned(), value: String::new(), raw_value: vec![0xff] };
        let http = auth::attribute_context::HttpRequest {
            id: "1".to_owned(),
            method: "GET".to_owned(),
            headers: [("b".to_owned(), "c".to_owned())].into(),
            header_map: Some(core::HeaderMap { headers: vec![raw] }),
            path: "/p?q".to_owned(),
            host: "h".to_owned(),
            scheme: "https".to_owned(),
            query: "q".to_owned(),
            fragment: "f".to_owned(),
            size: -1,
            protocol: "HTTP/2".to_owned(),
            body: "body".to_owned(),
            raw_body: b"raw".to_vec(),
        };
        let source = auth::attribute_context::Peer {
            address: Some(address),
            service: "s".to_owned(),
            labels: [("k".to_owned(), "v".to_owned())].into(),
            principal: "spiffe://p".to_owned(),
            certificate: "pem".to_owned(),
        };
        let attributes = auth::AttributeContext {
            source: Some(source.clone()),
            destination: Some(source),
            request: Some(auth::attribute_context::Request { time: None, http: Some(http) }),
            context_extensions: [("role".to_owned(), "admin".to_owned())].into(),
            ..Default::default()
        };
        auth::CheckRequest { attributes: Some(attributes) }
    }

    fn our_question() -> CheckRequest {
        let socket_address = Some(SocketAddress { address: text("192.0.2.7"), port_value: 4711 });
        let http = Http {
            method: text("GET"),
            headers: vec![Header { key: text("b"), value: text("c"), raw_value: Bytes::new() }],
            path: text("/p?q"),
            host: text("h"),
            scheme: text("https"),
            query: text("q"),
            fragment: text("f"),
            header_map: Some(HeaderMap {
                headers: vec![Header { key: text("a"), value: Bytes::new(), raw_value: Bytes::from_static(&[0xff]) }],
            }),
        };
        let source = Some(Source { address: Some(Address { socket_address }) });
        CheckRequest { attributes: Some(Attributes { source, request: Some(Carried { http: Some(http) }) }) }
    }

    #[test]
    fn a_question_is_read_as_envoy_writes_it() {
        let read = CheckRequest::decode(&*their_question().encode_to_vec()).unwrap();
        assert_eq!(read, our_question());
        // And the other way, so that each field is theirs in number and type.
        let theirs = auth::CheckRequest::decode(&*our_question().encode_to_vec()).unwrap();
        assert_eq!(CheckRequest::decode(&*theirs.encode_to_vec()).unwrap(), our_question());
    }

    fn our_option(append: Option<bool>, action: Action) -> HeaderOption {
        let header = Some(Header { key: text("k"), value: text("v"), raw_value: Bytes::new() });
        HeaderOption { header, append: append.map(|value| BoolValue { value }), action: action.into() }
    }

    fn their_option(
        append: Option<bool>,
        action: core::header_value_option::HeaderAppendAction,
    ) -> core::HeaderValueOption {
        let header = Some(core::HeaderValue { key: "k".to_owned(), value: "v".to_owned(), raw_value: Vec::new() });
        let append = append.map(|value| envoy_types::pb::google::protobuf::BoolValue { value });
        #[expect(deprecated, reason = "older releases of Envoy read it")]
        core::HeaderValueOption { header, append, append_action: action.into(), keep_empty_value: false }
    }

    #[test]
    fn a_denial_is_what_envoy_reads() {
        let headers = vec![our_option(Some(false), Action::Overwrite), our_option(None, Action::Append)];
        let denied = Denied { status: Some(HttpStatus { code: 503 }), headers, body: text("{}") };
        let answer = CheckResponse { status: Some(Status { code: 14 }), outcome: Some(Outcome::Denied(denied)) };
        let read = auth::CheckResponse::decode(&*answer.encode_to_vec()).unwrap();
        assert_eq!(read.status.as_ref().unwrap().code, 14);
        let Some(auth::check_response::HttpResponse::DeniedResponse(denied)) = read.http_response else { panic!() };
        assert_eq!(denied.status.unwrap().code(), kinds::StatusCode::ServiceUnavailable);
        assert_eq!(denied.body, "{}");
        let overwrite = core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd;
        let append = core::header_value_option::HeaderAppendAction::AppendIfExistsOrAdd;
        assert_eq!(denied.headers, [their_option(Some(false), overwrite), their_option(None, append)]);
    }

    #[test]
    fn a_permit_is_what_envoy_reads() {
        let permitted = Permitted {
            headers: vec![our_option(Some(false), Action::Overwrite)],
            headers_to_remove: vec![text("x_forged"), text("authorization")],
            response_headers_to_add: vec![our_option(Some(true), Action::Append)],
        };
        let answer = CheckResponse { status: Some(Status { code: 0 }), outcome: Some(Outcome::Permitted(permitted)) };
        let read = auth::CheckResponse::decode(&*answer.encode_to_vec()).unwrap();
        assert_eq!(read.status.as_ref().unwrap().code, 0);
        let Some(auth::check_response::HttpResponse::OkResponse(permitted)) = read.http_response else { panic!() };
        let overwrite = core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd;
        let append = core::header_value_option::HeaderAppendAction::AppendIfExistsOrAdd;
        assert_eq!(permitted.headers, [their_option(Some(false), overwrite)]);
        assert_eq!(permitted.headers_to_remove, ["x_forged", "authorization"]);
        assert_eq!(permitted.response_headers_to_add, [their_option(Some(true), append)]);
    }
}
