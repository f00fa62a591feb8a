//! Starting and stopping the demo.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;

use super::calls::calls;
use super::files::Files;
use super::script::{self, Scene};
use crate::app::{App, shutdown_signal};
use crate::config::Config;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_demo::api::SampleApi;
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::IdentityProvider;

/// Where the demo listens. Port 0 takes a free one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) gateway: SocketAddr,
    pub(crate) issuer: SocketAddr,
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// Runs the demo until it is interrupted. With `inline`, the printed lines contain the tokens themselves.
///
/// # Errors
///
/// If a port is taken.
pub(crate) async fn run(addresses: Addresses, inline: bool) -> anyhow::Result<()> {
    let clock = Clock::system();
    let taken = |what: &str, address: SocketAddr, flag: &str| {
        format!("the {what} can't listen on {address}; choose another address with {flag}")
    };
    let provider = IdentityProvider::start(addresses.issuer, clock.clone(), people::everyone())
        .await
        .with_context(|| taken("identity provider", addresses.issuer, "--issuer-address"))?;
    let api =
        SampleApi::start(addresses.api).await.with_context(|| taken("sample API", addresses.api, "--api-address"))?;
    let files = Files::create().ok();
    let operator = files.as_ref().map(Files::operator_token).transpose()?;
    let text = script::configuration(addresses.gateway, addresses.admin, &provider, &api, operator.as_ref());
    let config = Config::parse("demo", &text, HashMap::new())?;
    crate::telemetry::start_log(&config.log)?;
    let app = App::start(config, clock.clone(), Random::system())
        .await
        .context("the gateway can't start; choose other addresses with --address and --admin-address")?;
    app.ready().await;
    let scene = Scene {
        configuration: &text,
        operator: operator.as_ref(),
        provider: &provider,
        api: &api,
        app: &app,
        files: files.as_ref(),
        inline,
    };
    let text = scene.tell(&calls(&provider, clock.now()))?;
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output is closed")?;
    shutdown_signal().await?;
    app.drain().await;
    api.shutdown().await;
    provider.shutdown().await;
    Ok(())
}
