//! The gateway's messages of `ext_authz`, and those of its tests, beside the ones that Envoy's own definitions make.
//!
//! A package of its own: Envoy's definitions take longer to compile than all that the tests need besides. `./test --all` runs it.

#[path = "../support/envoy_answer.rs"]
mod envoy_answer;
#[path = "../support/envoy_question.rs"]
mod envoy_question;
#[path = "../../src/faces/ext_authz/messages.rs"]
mod messages;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::service::auth::v3 as auth;
use envoy_types::pb::envoy::r#type::v3 as kinds;

use messages::{
    Action, Address, Attributes, BoolValue, Carried, CheckRequest, CheckResponse, Denied, Header, HeaderMap,
    HeaderOption, Http, HttpStatus, Outcome, Permitted, SocketAddress, Source, Status,
};
use prost::Message;

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

/// What the tests send as a question, and read as an answer.
#[test]
fn the_tests_write_and_read_what_envoy_does() {
    let sent = their_question().encode_to_vec();
    let read = envoy_question::CheckRequest::decode(&*sent).unwrap();
    let theirs = auth::CheckRequest::decode(&*read.encode_to_vec()).unwrap();
    let wanted = auth::CheckRequest::decode(&*our_question().encode_to_vec()).unwrap();
    let http = |question: &auth::CheckRequest| question.attributes.clone().unwrap().request.unwrap().http.unwrap();
    let (theirs_http, wanted_http) = (http(&theirs), http(&wanted));
    assert_eq!((theirs_http.headers, theirs_http.header_map), (wanted_http.headers, wanted_http.header_map));
    assert_eq!((theirs_http.method, theirs_http.path), (wanted_http.method, wanted_http.path));
    assert_eq!((theirs_http.host, theirs_http.scheme), (wanted_http.host, wanted_http.scheme));
    assert_eq!(theirs_http.protocol, "HTTP/2");
    let source = |question: auth::CheckRequest| question.attributes.unwrap().source.unwrap().address;
    assert_eq!(source(theirs), source(wanted));

    let overwrite = core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd;
    let options = vec![their_option(Some(false), overwrite)];
    let permitted = auth::OkHttpResponse {
        headers: options.clone(),
        headers_to_remove: vec!["x".to_owned()],
        response_headers_to_add: options.clone(),
        ..Default::default()
    };
    let denied = auth::DeniedHttpResponse {
        status: Some(kinds::HttpStatus { code: 401 }),
        headers: options,
        body: "{}".to_owned(),
    };
    for answer in [
        auth::check_response::HttpResponse::OkResponse(permitted),
        auth::check_response::HttpResponse::DeniedResponse(denied),
    ] {
        let answer = auth::CheckResponse { http_response: Some(answer), ..Default::default() };
        let read = envoy_answer::CheckResponse::decode(&*answer.encode_to_vec()).unwrap();
        assert_eq!(auth::CheckResponse::decode(&*read.encode_to_vec()).unwrap(), answer);
    }
}
