//! The examples, over real sockets.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mfa_gateway_layer::Requirement;
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::support::{SIGNER, application, gateway, user};

#[path = "../examples/axum_service.rs"]
#[expect(dead_code, reason = "its `main` takes a port of its own")]
mod axum_service;

#[path = "../examples/tonic_service.rs"]
#[expect(dead_code, reason = "its `main` takes a port of its own")]
mod tonic_service;

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).or(self.trailers.get(name)).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request over a connection of its own.
async fn send(to: SocketAddr, http2: bool, request: Request<Full<Bytes>>) -> Answer {
    let io = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let response = if http2 {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, body: collected.to_bytes(), trailers }
}

fn get(to: SocketAddr, path: &str, claims: Option<&serde_json::Value>) -> Request<Full<Bytes>> {
    let mut request = Request::get(path).header("host", to.to_string());
    if let Some(claims) = claims {
        request = request.header("authorization", format!("Bearer {}", SIGNER.token(claims)));
    }
    request.body(Full::default()).unwrap()
}

#[tokio::test]
async fn the_axum_service_serves_who_may_be_served() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let (mfa, _) = gateway();
    tokio::spawn(async move { axum::serve(listener, axum_service::app(&mfa)).await });
    let mut old = user(&["mfa"]);
    old["auth_time"] = (old["auth_time"].as_i64().unwrap() - 900).into();
    for (path, claims, status, text) in [
        ("/health", None, 200, "ok"),
        ("/profile", None, 401, "no_credential"),
        ("/profile", Some(user(&["pwd"])), 200, "user-1 of app-1"),
        ("/reports", Some(user(&["pwd"])), 401, "mfa_missing"),
        ("/reports", Some(user(&["mfa"])), 200, "reports for user-1, permitted by mfa"),
        ("/reports", Some(old), 401, "authentication_stale"),
        ("/reports", Some(application()), 200, "reports for app-1, permitted by app_only"),
        ("/unknown", None, 404, ""),
    ] {
        let answer = send(to, false, get(to, path, claims.as_ref())).await;
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(answer.status.as_u16() == status && body.contains(text), "{path}: {} {body}", answer.status);
    }
    let challenge = send(to, false, get(to, "/reports", Some(&user(&["pwd"])))).await;
    let challenge = challenge.field("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
}

/// A call with an empty message, as it is framed in gRPC.
fn call(to: SocketAddr, claims: Option<&serde_json::Value>) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("http://{to}/example.Identity/Get"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(claims) = claims {
        request = request.header("authorization", format!("Bearer {}", SIGNER.token(claims)));
    }
    request.body(Full::from(vec![0; 5])).unwrap()
}

#[tokio::test]
async fn the_tonic_service_answers_with_a_message_or_a_status_of_grpc() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let layer = gateway().0.layer(Requirement::mfa().deny_app_only()).grpc();
    let router = Server::builder().layer(layer).add_service(tonic_service::Identity);
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    let answer = send(to, true, call(to, Some(&user(&["mfa"])))).await;
    assert_eq!((answer.status.as_u16(), answer.field("grpc-status")), (200, Some("0")));
    assert!(answer.body.ends_with(b"user-1, permitted by mfa"), "{:?}", answer.body);
    for (claims, status, challenge) in [
        (None, "16", Some("Bearer")),
        (Some(user(&["pwd"])), "16", Some(r#"Bearer error="invalid_token""#)),
        (Some(application()), "7", None),
    ] {
        let answer = send(to, true, call(to, claims.as_ref())).await;
        assert_eq!((answer.status.as_u16(), answer.field("grpc-status")), (200, Some(status)));
        assert_eq!((answer.field("www-authenticate"), answer.body.len()), (challenge, 0));
    }
}

#[tokio::test]
async fn a_handler_behind_no_layer_gets_no_caller_and_the_client_500() {
    use axum::routing::get;
    use mfa_gateway_layer::Caller;
    use tower::ServiceExt;

    let app = axum::Router::new().route("/", get(async |caller: Caller| format!("{caller:?}")));
    let response = app.oneshot(Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 500);
    assert!(Caller::of(&tonic::Request::new(())).is_err_and(|status| status.code() == tonic::Code::Internal));
}
