//! A gRPC service that needs MFA, and tells the caller who it is. Generated servers take the layer in the same way.
//!
//! `ISSUER=https://idp.example.com/ AUDIENCE=https://api.example.com cargo run --example tonic_service`

use std::convert::Infallible;
use std::env;
use std::task::{Context, Poll};

use mfa_gateway_layer::{Caller, MfaGateway, Requirement, TrustedIssuer};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// `service Identity { rpc Get(google.protobuf.Empty) returns (google.protobuf.StringValue); }`
#[derive(Clone)]
pub(crate) struct Identity;

async fn get(request: Request<()>) -> Result<Response<String>, Status> {
    let caller = Caller::of(&request)?;
    Ok(Response::new(format!("{}, permitted by {}", caller.subject().unwrap_or("nobody"), caller.grounds().code())))
}

impl NamedService for Identity {
    const NAME: &'static str = "example.Identity";
}

impl Service<http::Request<Body>> for Identity {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let codec = ProstCodec::<String, ()>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(tower::service_fn(get), request).await) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::new(env::var("ISSUER")?).audience(env::var("AUDIENCE")?);
    let mfa = MfaGateway::builder().issuer(issuer).build().await?;
    let layer = mfa.layer(Requirement::mfa()).grpc();
    Server::builder().layer(layer).add_service(Identity).serve("127.0.0.1:50051".parse()?).await?;
    mfa.shutdown().await;
    Ok(())
}
