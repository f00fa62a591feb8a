//! The gRPC services of an authorizer, on the connections that the gateway serves itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HOST};
use ::http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use futures_util::FutureExt;
use http_body::Body as _;
use mfa_gateway_wire::{Body, STAND_IN_HOST, StallTimeout};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::messages::{CheckRequest, CheckResponse};
use super::{deadline, health, question, verdict};

use crate::faces::Settings;
use crate::faces::asked::Carrier;
use crate::faces::peers::STRANGER;
use crate::gateway::{Arrived, Assertions, Notice, Peer, Reason, Stack};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";

/// The longest question that is read: a request's head, and what Envoy may be configured to send of its body.
const MAX_QUESTION: usize = 1 << 20;

/// How long a message may make no progress.
const STALL: Duration = Duration::from_secs(10);

/// An empty message in its frame.
const EMPTY: &[u8] = &[0; 5];

const NOT_GRPC: Notice = Notice {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    code: "not_grpc",
    description: "The authorizer takes only questions by gRPC: POST over HTTP/2, with the media type application/grpc.",
    remedy: "Have the proxy ask by gRPC, or use an authorizer of the kind `envoy-http`.",
};

const LATE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "deadline_passed",
    description: "The request could not be judged within the deadline of the proxy's question.",
    remedy: "Send the request again. If that fails as well, look for a fetch of keys that hangs, or raise the proxy's \
             deadline.",
};

/// Responds to a call. `draining` is what the health service reports.
pub(in crate::faces) async fn respond(
    arrived: Arrived,
    settings: &Settings,
    draining: CancellationToken,
    mut stack: impl Stack,
) -> Response<Body> {
    let Arrived { request, peer, busy } = arrived;
    let Some(peer) = peer else { return Status::unavailable("").into_http() };
    // What stands for an unreadable message is refused as that, in the stack.
    if peer.handle.refused().is_some() && request.headers().get(HOST).is_some_and(|host| *host == STAND_IN_HOST) {
        return send(&mut stack, Arrived { request, peer: Some(peer), busy }).await;
    }
    if !is_grpc(&request) {
        let here = [CHECK, HEALTH, HEALTH_WATCH].contains(&request.uri().path());
        let reason = if here { Reason::Told(&NOT_GRPC) } else { Reason::NotFound };
        let reason = if settings.peers.admit(&peer) { reason } else { Reason::Told(&STRANGER) };
        if !request.body().is_end_stream() {
            peer.handle.linger();
        }
        return send(&mut stack, Carrier { peer, busy }.bring(Err(reason))).await;
    }
    let request = request.map(|body| Body::new(StallTimeout::new(body, STALL, |_| Ok(()))));
    let response = match request.uri().path() {
        CHECK => check(request, settings, peer, stack).await,
        HEALTH => health::check(request, draining).await,
        HEALTH_WATCH => health::watch(request, draining).await,
        _ => Status::unimplemented("the authorizer has no such method").into_http(),
    };
    // The connection is in use until the whole response is written.
    response.map(|body| body.carrying(busy))
}

fn is_grpc(request: &Request<Body>) -> bool {
    let media_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let rest = media_type.strip_prefix(b"application/grpc");
    request.version() == Version::HTTP_2
        && *request.method() == Method::POST
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b";") || rest == b"+proto")
}

/// Answers a question. Only a message that can't be read gets a gRPC error.
async fn check(request: Request<Body>, settings: &Settings, peer: Arc<Peer>, stack: impl Stack) -> Response<Body> {
    let by = deadline::of(request.headers()).map(|deadline| Instant::now() + deadline::for_answer(deadline));
    let admitted = settings.peers.admit(&peer);
    // A stranger's message is not read.
    let request = if admitted { request } else { request.map(|_| Body::full(EMPTY)) };
    let assertions = settings.assertion.clone();
    let service = service_fn(move |question: tonic::Request<CheckRequest>| {
        let (stack, peer, assertions) = (stack.clone(), Arc::clone(&peer), assertions.clone());
        let asked = if admitted { Ok(question.into_inner()) } else { Err(Reason::Told(&STRANGER)) };
        async move {
            let answer = AssertUnwindSafe(answer(asked, peer, (stack, assertions), by)).catch_unwind().await;
            let answer = answer.unwrap_or_else(|_| {
                tracing::error!("a question panicked; this is a bug in the gateway");
                verdict::failed()
            });
            Ok(tonic::Response::new(answer))
        }
    });
    let mut grpc = Grpc::new(ProstCodec::<CheckResponse, CheckRequest>::default());
    grpc = grpc.max_decoding_message_size(MAX_QUESTION);
    grpc.unary(service, request).await.map(Body::new)
}

async fn answer(
    asked: Result<CheckRequest, Reason>,
    peer: Arc<Peer>,
    (mut stack, assertions): (impl Stack, Option<Arc<Assertions>>),
    by: Option<Instant>,
) -> CheckResponse {
    let asked = asked.and_then(|asked| question::read(asked, &peer));
    let asked = asked.and_then(|asked| asked.request().map_err(Reason::Malformed));
    let fields = asked.as_ref().map(|(request, _)| request.headers().clone()).unwrap_or_default();
    let carrier = Carrier { peer: Arc::clone(&peer), busy: None };
    let judged = send(&mut stack, carrier.bring(asked));
    let judged = match by {
        Some(by) => timeout_at(by, judged).await.ok(),
        None => Some(judged.await),
    };
    if let Some(response) = judged {
        return verdict::of(&fields, response, assertions.as_deref()).await;
    }
    let late = Carrier { peer, busy: None }.bring(Err(Reason::Told(&LATE)));
    verdict::of(&HeaderMap::new(), send(&mut stack, late).await, None).await
}

async fn send(stack: &mut impl Stack, arrived: Arrived) -> Response<Body> {
    let Ok(response) = stack.call(arrived).await;
    response
}
