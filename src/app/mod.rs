//! Assembly: makes everything from a configuration, and owns the tasks.

mod admin;
mod admission;
mod assemble;
mod certificates;
mod connection;
mod in_process;
mod listen;
mod reload;
mod signal;
mod sources;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use assemble::{Ambient, Assembled, Before, assemble};
pub(crate) use reload::{Watched, reload_on_change, tell_warnings};
pub(crate) use signal::shutdown_signal;

use crate::admin::{Reloads, State};
use crate::clock::Clock;
use crate::config::{Config, ServerTls, Timeouts, Tls};
use crate::gateway::{Live, stack};
use crate::journal::Outputs;
use crate::random::Random;
use crate::telemetry::Metrics;
use admission::Admission;
use connection::ConnectionSettings;
use listen::{Acceptor, Entrance};
use sources::Sources;

/// The running gateway.
#[derive(Debug)]
pub struct App {
    addresses: Vec<SocketAddr>,
    admin_address: Option<SocketAddr>,
    admin_state: Arc<ArcSwap<State>>,
    admin_tls: Arc<ArcSwapOption<ServerTls>>,
    reloads: Reloads,
    ambient: Ambient,
    live: Arc<ArcSwap<Live>>,
    sources: Sources,
    tls: Vec<Arc<ArcSwapOption<ServerTls>>>,
    /// What it was started with: listeners and some limits stay as they are.
    started: Arc<Config>,
    config: ArcSwap<Config>,
    acceptor: Acceptor,
    /// Makes readiness fail.
    draining: CancellationToken,
    /// Ends everything.
    stop: CancellationToken,
}

impl App {
    /// Binds the listeners and starts to serve.
    ///
    /// # Errors
    ///
    /// If an address can't be bound, or TLS can't be set up.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let ambient = Ambient { clock, random, metrics: Arc::new(Metrics::new()), outputs: Some(Outputs::default()) };
        let stop = CancellationToken::new();
        let Assembled { live, sources } = assemble(&config, &ambient, Before::default())?;
        let live = Arc::new(ArcSwap::from_pointee(live));
        let settings = ConnectionSettings::of(&config);
        let admission = Admission::new(&config, &ambient.metrics);
        let acceptor = Acceptor::new(settings, admission, config.limits.connections, stop.clone(), &ambient.metrics);
        let service = stack(&live, &ambient.metrics, config.limits.requests);
        let mut app = Self {
            addresses: Vec::new(),
            admin_address: None,
            admin_state: Arc::new(ArcSwap::from_pointee(admin::state(
                &config,
                &sources,
                &ambient,
                live.load().generation,
            ))),
            admin_tls: Arc::default(),
            reloads: Reloads::default(),
            ambient,
            live,
            sources: Sources::new(sources, stop.clone()),
            tls: Vec::new(),
            started: Arc::clone(&config),
            config: ArcSwap::from(config),
            acceptor,
            draining: CancellationToken::new(),
            stop,
        };
        let config = Arc::clone(&app.started);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let tls = tls(listener.address, listener.tls.as_ref())?;
            listeners.push((bind(listener.address).await?, tls, listener.proxy_protocol));
        }
        let admin = match &config.admin {
            Some(admin) => Some((bind(admin.address).await?, tls(admin.address, admin.tls.as_ref())?)),
            None => None,
        };
        app.sources.run();
        for (listener, tls, proxy_protocol) in listeners {
            app.addresses.push(listener.local_addr()?);
            let tls = Arc::new(ArcSwapOption::from(tls));
            app.tls.push(Arc::clone(&tls));
            let entrance = Entrance { tls, proxy_protocol };
            tokio::spawn(app.acceptor.clone().accept(listener, entrance, service.clone()));
        }
        if let Some((listener, tls)) = admin {
            app.admin_address = Some(listener.local_addr()?);
            app.serve_admin(listener, tls);
        }
        certificates::tell(&app.started, &app.ambient);
        tracing::info!(listeners = ?app.addresses, admin = ?app.admin_address, "serving");
        Ok(app)
    }

    /// The addresses that take traffic.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The admin listener's address.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Waits until every issuer's keys were fetched or could not be.
    pub async fn ready(&self) {
        for source in self.sources.list().load().iter() {
            source.settled().await;
        }
    }

    /// Fails readiness, goes on serving for a while so that balancers notice, then stops accepting, lets requests in
    /// flight finish until the deadline, and ends.
    pub async fn drain(self) {
        let Timeouts { drain, drain_delay, .. } = self.config.load().timeouts;
        tracing::info!(delay = ?drain_delay, deadline = ?drain, "draining");
        self.draining.cancel();
        tokio::time::sleep(drain_delay).await;
        self.acceptor.closing.cancel();
        self.acceptor.finishing.cancel();
        let connections = &self.acceptor.connections;
        connections.close();
        if tokio::time::timeout(drain, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "the drain deadline has passed; closing what is left");
        }
        self.stop.cancel();
        // What was told to stop gets a moment to do so.
        let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
        tracing::info!("stopped");
        if let Some(outputs) = &self.ambient.outputs {
            outputs.flush(Duration::from_secs(1));
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.draining.cancel();
        self.acceptor.closing.cancel();
        self.stop.cancel();
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))
}

fn tls(address: SocketAddr, settings: Option<&Tls>) -> anyhow::Result<Option<Arc<ServerTls>>> {
    let load = settings.map(Tls::load).transpose();
    load.with_context(|| format!("TLS on {address} can't be set up"))
}
