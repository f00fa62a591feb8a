//! Envoy's questions over gRPC.

use std::collections::HashMap;

use bytes::{BufMut, Bytes};
use http::{HeaderMap, HeaderName, StatusCode, Version};
use prost::Message;

use super::CONFIG;
use crate::support::envoy_answer::{CheckResponse, HeaderAppendAction, HeaderValueOption, HttpResponse};
use crate::support::envoy_question::{
    Address, AttributeContext, CheckRequest, HeaderMap as HeaderList, HeaderValue, HttpRequest, Peer, Request,
    SocketAddress,
};
use crate::support::{Answer, Call, Gateway, Http2};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The place of the authorizer in [`CONFIG`].
const PLACE: usize = 3;

/// How a question has the request's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In `headers`, those of a name joined.
    Joined,
    /// In `header_map`, as they came.
    Raw,
}

pub(crate) const FORMS: [Form; 2] = [Form::Joined, Form::Raw];

/// The question about a request, with these fields of the client.
pub(crate) fn question(form: Form, method: &str, target: &str, fields: &[(&str, &str)]) -> CheckRequest {
    let mut http = HttpRequest {
        method: method.to_owned(),
        path: target.to_owned(),
        host: "api.example".to_owned(),
        scheme: "http".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        ..HttpRequest::default()
    };
    let pseudo = [(":method", method), (":path", target), (":authority", "api.example"), (":scheme", "http")];
    let all = pseudo.iter().chain(fields);
    match form {
        Form::Joined => {
            let mut joined: HashMap<String, String> = HashMap::new();
            for (name, value) in all {
                let entry = joined.entry(name.to_lowercase()).or_default();
                *entry = if entry.is_empty() { (*value).to_owned() } else { format!("{entry},{value}") };
            }
            http.headers = joined;
        }
        Form::Raw => {
            let raw = |(name, value): &(&str, &str)| HeaderValue {
                key: name.to_lowercase(),
                raw_value: value.as_bytes().to_vec(),
                ..HeaderValue::default()
            };
            http.header_map = Some(HeaderList { headers: all.map(raw).collect() });
        }
    }
    let socket_address = Some(SocketAddress { address: "192.0.2.7".to_owned(), port_value: 4711 });
    let source = Some(Peer { address: Some(Address { socket_address }) });
    let attributes = AttributeContext { source, request: Some(Request { http: Some(http) }) };
    CheckRequest { attributes: Some(attributes) }
}

/// Sends a question.
pub(crate) async fn ask(connection: &Http2, question: &CheckRequest) -> CheckResponse {
    let message = question.encode_to_vec();
    let mut body = vec![0];
    body.put_u32(u32::try_from(message.len()).unwrap());
    body.extend(message);
    let call = Call::new(http::Method::POST, CHECK).header("content-type", "application/grpc").header("te", "trailers");
    let answer = connection.send(&call.with_body(body)).await;
    assert_eq!(answer.code(), 200);
    assert!(answer.body.len() >= 5, "a gRPC error: {:?}", answer.headers);
    CheckResponse::decode(answer.body.slice(5..)).unwrap()
}

/// A connection to the authorizer.
pub(crate) async fn connect(gateway: &Gateway) -> Http2 {
    Http2::connect(gateway.authorizer_address(PLACE)).await
}

/// The verdict as an HTTP face has it: the fields for the backend and for the client are those of the answer.
pub(crate) fn as_answer(verdict: CheckResponse) -> Answer {
    let code = verdict.status.as_ref().map(|status| status.code);
    let mut headers = HeaderMap::new();
    let mut take = |options: Vec<HeaderValueOption>| {
        for option in options {
            let header = option.header.unwrap();
            headers.append(header.key.parse::<HeaderName>().unwrap(), header.value.parse().unwrap());
        }
    };
    let (status, body) = match verdict.http_response {
        Some(HttpResponse::OkResponse(permit)) => {
            assert_eq!(code, Some(0));
            take(permit.headers);
            take(permit.response_headers_to_add);
            (StatusCode::OK, Bytes::new())
        }
        Some(HttpResponse::DeniedResponse(denial)) => {
            assert_ne!(code.unwrap_or_default(), 0);
            take(denial.headers);
            (u16::try_from(denial.status.unwrap().code).unwrap().try_into().unwrap(), denial.body.into())
        }
        None => panic!("neither a permit nor a denial"),
    };
    Answer { status, version: Version::HTTP_2, reason: None, headers, body }
}

#[tokio::test]
async fn a_permit_overwrites_and_removes_what_a_client_forged() {
    let gateway = Gateway::with(CONFIG).await;
    let envoy = connect(&gateway).await;
    let token = format!("Bearer {}", gateway.jane());
    let fields = [
        ("authorization", token.as_str()),
        ("x-auth-request-user", "forged"),
        ("x_auth_request_user", "forged"),
        ("x-auth.request-tenant", "forged"),
        ("http_mfa_assertion", "forged"),
        ("http-remote-user", "forged"),
        ("x-original-url", "/admin"),
        ("validatemfa", "true"),
        ("accept", "*/*"),
    ];
    for form in FORMS {
        let verdict = ask(&envoy, &question(form, "GET", "/orders/1", &fields)).await;
        let Some(HttpResponse::OkResponse(permit)) = verdict.http_response else { panic!("{form:?}") };
        for option in &permit.headers {
            assert_eq!(option.append.as_ref().map(|append| append.value), Some(false), "{option:?}");
            assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd, "{option:?}");
            assert!(!permit.headers_to_remove.contains(&option.header.as_ref().unwrap().key), "{option:?}");
        }
        for name in [
            "x_auth_request_user",
            "x-auth.request-tenant",
            "http_mfa_assertion",
            "http-remote-user",
            "x-original-url",
            "authorization",
        ] {
            assert!(permit.headers_to_remove.iter().any(|one| one == name), "{form:?}: {name}");
        }
        for name in ["accept", "host", ":path", "validatemfa"] {
            assert!(!permit.headers_to_remove.iter().any(|one| one == name), "{form:?}: {name}");
        }
        let told = permit.response_headers_to_add.iter().map(|option| option.header.as_ref().unwrap());
        let told: Vec<&str> = told.map(|header| header.key.as_str()).collect();
        assert!(told.contains(&"ismfacompliant") && told.contains(&"ms-requestid"), "{told:?}");
        assert!(!told.iter().any(|name| name.starts_with("x-auth") || *name == "authorization"), "{told:?}");
    }
}

#[tokio::test]
async fn without_keys_a_check_is_a_denial_with_503() {
    let gateway = Gateway::with(&CONFIG.replace("\"${ISSUER}\"", "\"http://127.0.0.1:9/\"")).await;
    let token = gateway.changed(|claims| claims["iss"] = "http://127.0.0.1:9/".into());
    let envoy = connect(&gateway).await;
    let fields = [("authorization", &*format!("Bearer {token}"))];
    let verdict = ask(&envoy, &question(Form::Raw, "GET", "/v1/x", &fields)).await;
    assert_eq!(verdict.status.as_ref().unwrap().code, 14);
    let answer = as_answer(verdict);
    assert_eq!((answer.code(), answer.header("www-authenticate")), (503, None));
    assert_eq!(as_answer(ask(&envoy, &question(Form::Raw, "GET", "/healthz", &[])).await).code(), 200);
}
