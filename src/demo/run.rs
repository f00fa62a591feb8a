//! Starting and stopping the demo.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;

use super::calls::calls;
use super::configuration::{Places, PortalPlace};
use super::files::Files;
use super::nightly::Nightly;
use super::script::Scene;
use crate::app::{App, shutdown_signal};
use crate::config::Config;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_demo::api::SampleApi;
use mfa_gateway_demo::people;
use mfa_gateway_demo::portal::Portal;
use mfa_gateway_demo::provider::IdentityProvider;

/// Where the demo listens. Port 0 takes a free one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) gateway: SocketAddr,
    pub(crate) issuer: SocketAddr,
    pub(crate) api: SocketAddr,
    pub(crate) portal: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// Runs the demo until it is interrupted. With `inline`, the printed lines contain the tokens themselves.
///
/// # Errors
///
/// If a port is taken.
pub(crate) async fn run(addresses: Addresses, inline: bool) -> anyhow::Result<()> {
    let clock = Clock::system();
    let provider = IdentityProvider::start(addresses.issuer, clock.clone(), people::everyone())
        .await
        .with_context(|| taken("identity provider", addresses.issuer, "--issuer-address"))?;
    let api = SampleApi::start(addresses.api, provider.directory())
        .await
        .with_context(|| taken("sample API", addresses.api, "--api-address"))?;
    let files = Files::create().ok();
    let operator = files.as_ref().map(Files::operator_token).transpose()?;
    // Without a file for its secret, as in a read-only container, nobody could sign in.
    let behind = match &files {
        Some(files) => Some(Behind::start(addresses.portal, files).await?),
        None => None,
    };
    let nightly = files.as_ref().map(Nightly::create).transpose()?;
    let text = Places {
        gateway: fixed(addresses.gateway)?,
        admin: fixed(addresses.admin)?,
        issuer: provider.issuer(),
        api: api.address(),
        operator: operator.as_ref(),
        portal: behind.as_ref().map(Behind::place),
        nightly: nightly.as_ref(),
        now: clock.now(),
    }
    .configuration();
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
        portal: behind.as_ref().map(|behind| &behind.portal),
        app: &app,
        files: files.as_ref(),
        nightly: nightly.as_ref(),
        inline,
    };
    let text = scene.tell(&calls(&provider, clock.now()))?;
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output is closed")?;
    shutdown_signal().await?;
    app.drain().await;
    if let Some(behind) = behind {
        behind.portal.shutdown().await;
    }
    api.shutdown().await;
    provider.shutdown().await;
    Ok(())
}

/// The portal behind the gateway, and the secret that its people sign in with.
struct Behind {
    portal: Portal,
    secret_file: String,
}

impl Behind {
    async fn start(address: SocketAddr, files: &Files) -> anyhow::Result<Self> {
        let portal =
            Portal::start(address).await.with_context(|| taken("portal's server", address, "--portal-address"))?;
        let secret_file = files.write("portal-secret", people::DEMO_ONLY_PORTAL_SECRET);
        Ok(Self { portal, secret_file: secret_file.context("the portal's secret can't be written")? })
    }

    fn place(&self) -> PortalPlace<'_> {
        PortalPlace { upstream: self.portal.address(), secret_file: &self.secret_file }
    }
}

/// An address with a port that is known before the gateway listens: sign-in needs to know where browsers see it.
fn fixed(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    if address.port() != 0 {
        return Ok(address);
    }
    let probe = std::net::TcpListener::bind(address).and_then(|listener| listener.local_addr());
    probe.with_context(|| taken("gateway", address, "--address"))
}

fn taken(what: &str, address: SocketAddr, flag: &str) -> String {
    format!("the {what} can't listen on {address}; choose another address with {flag}")
}
