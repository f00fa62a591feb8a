//! `grpc.health.v1`: whether the authorizer takes questions.

use std::future::{Ready, ready};
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use prost::{Enumeration, Message};
use tokio_util::sync::CancellationToken;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use mfa_gateway_wire::Body;

/// The services that have a health: the whole, and the one of questions.
const NAMES: [&[u8]; 2] = [b"", b"envoy.service.auth.v3.Authorization"];

/// The longest message that is read.
const MAX_MESSAGE: usize = 4 << 10;

#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(bytes = "bytes", tag = "1")]
    service: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "Serving", tag = "1")]
    status: i32,
}

/// `HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
enum Serving {
    Unknown = 0,
    Yes = 1,
    No = 2,
    NoSuchService = 3,
}

/// Responds to a call of `Check`: until the gateway drains, every service that it has serves.
pub(super) async fn check(call: ::http::Request<Body>, draining: CancellationToken) -> ::http::Response<Body> {
    let service = service_fn(move |request: Request<HealthCheckRequest>| {
        let known = is_known(request.get_ref());
        let answer = known.then(|| Response::new(now(&draining))).ok_or_else(|| Status::not_found("no such service"));
        ready(answer)
    });
    grpc().unary(service, call).await.map(Body::new)
}

/// Responds to a call of `Watch`: the same, and once more when that changes.
pub(super) async fn watch(call: ::http::Request<Body>, draining: CancellationToken) -> ::http::Response<Body> {
    let service = service_fn(move |request: Request<HealthCheckRequest>| -> Ready<Result<_, Status>> {
        let states: Pin<Box<dyn Stream<Item = _> + Send>> = if is_known(request.get_ref()) {
            Box::pin(states(draining.clone()).map(Ok))
        } else {
            let answer = said(Serving::NoSuchService);
            Box::pin(stream::iter([Ok(answer), Err(Status::not_found("no such service"))]))
        };
        ready(Ok(Response::new(states)))
    });
    grpc().server_streaming(service, call).await.map(Body::new)
}

fn grpc() -> Grpc<ProstCodec<HealthCheckResponse, HealthCheckRequest>> {
    Grpc::new(ProstCodec::default()).max_decoding_message_size(MAX_MESSAGE)
}

/// The state now, and the one that ends it.
fn states(draining: CancellationToken) -> impl Stream<Item = HealthCheckResponse> + Send {
    let first = now(&draining);
    let serves = first.status == Serving::Yes as i32;
    let later = stream::once(async move {
        draining.cancelled().await;
        said(Serving::No)
    });
    stream::iter([first]).chain(later.take(usize::from(serves)))
}

fn now(draining: &CancellationToken) -> HealthCheckResponse {
    said(if draining.is_cancelled() { Serving::No } else { Serving::Yes })
}

fn said(serving: Serving) -> HealthCheckResponse {
    HealthCheckResponse { status: serving.into() }
}

fn is_known(request: &HealthCheckRequest) -> bool {
    NAMES.contains(&&*request.service)
}
