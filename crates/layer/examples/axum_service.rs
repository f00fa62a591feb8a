//! An axum service whose reports need MFA that is no older than 15 minutes.
//!
//! `ISSUER=https://idp.example.com/ AUDIENCE=https://api.example.com cargo run -p mfa-gateway-layer --example axum_service`

use std::env;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use mfa_gateway_layer::{Caller, Dialect, MfaGateway, Requirement, TrustedIssuer};

async fn profile(caller: Caller) -> String {
    format!("{} of {}", caller.subject().unwrap_or("nobody"), caller.application().unwrap_or("no application"))
}

async fn reports(caller: Caller) -> String {
    format!("reports for {}, permitted by {}", caller.subject().unwrap_or("nobody"), caller.grounds().code())
}

/// The service. What stands behind no layer asks for nothing.
pub(crate) fn app(mfa: &MfaGateway) -> Router {
    let signed_in = Requirement::authenticated();
    let fresh = Requirement::mfa().max_age(Duration::from_secs(900)).dialect(Dialect::Oauth);
    Router::new()
        .route("/health", get(async || "ok"))
        .route("/profile", get(profile).layer(mfa.layer(signed_in)))
        .route("/reports", get(reports).layer(mfa.layer(fresh)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::new(env::var("ISSUER")?).audience(env::var("AUDIENCE")?);
    let mfa = MfaGateway::builder().issuer(issuer).build().await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(listener, app(&mfa)).await?;
    mfa.shutdown().await;
    Ok(())
}
