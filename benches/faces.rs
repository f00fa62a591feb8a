//! One question to an authorizer in process, from the bytes of its message to those of the answer.

use bytes::{BufMut, Bytes};
use criterion::Criterion;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Version};
use http_body_util::BodyExt;
use mfa_gateway::App;
use mfa_gateway::gateway::Body;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::TokenOptions;
use prost::Message;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::envoy_question::{
    AttributeContext, CheckRequest, HeaderMap as HeaderList, HeaderValue as RawField, HttpRequest, Request as Carried,
};
use crate::stack::{config, provider};

/// An authorizer that Envoy asks.
pub(crate) const AUTHORIZER: &str =
    "authorizers: [{ name: mesh, kind: envoy, address: 127.0.0.1:9191, peers: { addresses: [127.0.0.1] } }]\n";

/// Envoy's question about a request with a token, in gRPC's frame.
pub(crate) fn question(path: &str, token: &str) -> Bytes {
    let fields = [
        (":authority", "api.example"),
        (":path", path),
        (":method", "GET"),
        (":scheme", "https"),
        ("accept", "*/*"),
        ("user-agent", "bench/1.0"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "a7a1c8c4-61f5-4d6e-9c0e-57c3c7b6a2b4"),
        ("authorization", token),
    ];
    let raw = |(name, value): (&str, &str)| RawField {
        key: name.to_owned(),
        raw_value: value.as_bytes().to_vec(),
        ..RawField::default()
    };
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "api.example".to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        header_map: Some(HeaderList { headers: fields.map(raw).into() }),
        ..HttpRequest::default()
    };
    let attributes = AttributeContext { source: None, request: Some(Carried { http: Some(http) }) };
    let message = CheckRequest { attributes: Some(attributes) }.encode_to_vec();
    let mut framed = vec![0];
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.extend(message);
    framed.into()
}

/// A call with this message.
pub(crate) fn call(message: &Bytes) -> Request<Body> {
    let mut request = Request::new(Body::full(message.clone()));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = "http://mesh/envoy.service.auth.v3.Authorization/Check".parse().unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("200m"));
    request
}

pub(crate) fn checks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let _guard = runtime.enter();
    let provider = provider(&runtime, Clock::system());
    let bearer = |person| format!("Bearer {}", provider.access_token_for(&person, &TokenOptions::default()));
    let config = config(&provider, AUTHORIZER);
    let address = ([127, 0, 0, 1], 1).into();
    let face = App::authorizer_in_process(config, Clock::system(), Random::seeded(1), address);
    let face = runtime.block_on(face).unwrap();
    let mut group = criterion.benchmark_group("ext_authz");
    for (name, path, token) in [
        ("public", "/healthz", bearer(people::jane())),
        ("mfa, token in the cache", "/v1/customers", bearer(people::jane())),
        ("mfa missing", "/v1/customers", bearer(people::john())),
    ] {
        let message = question(path, &token);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || call(&message),
                // Nothing in it waits: the keys are there.
                |call| {
                    let answer = face.clone().oneshot(call).now_or_never().unwrap().unwrap();
                    answer.into_body().collect().now_or_never().unwrap().unwrap().to_bytes()
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
