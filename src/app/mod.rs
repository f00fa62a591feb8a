//! Assembly: makes everything from a configuration, and owns the tasks.

mod admin;
mod admin_state;
mod assemble;
mod certificates;
#[cfg(feature = "in-process")]
mod in_process;
mod metrics;
mod notify;
mod passed;
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
pub(crate) use notify::{keep_watchdog, ready, stopping};
pub(crate) use passed::PassedSockets;
pub(crate) use reload::{Watched, reload_on_change, tell_warnings};
pub(crate) use signal::shutdown_signal;

use crate::admin::{Reloads, State};
use crate::config::{Config, Drain};
use crate::gateway::{Live, stack};
use crate::journal::Outputs;
use crate::server::{Acceptor, Address, Entrance, ServerTls, Tls, Workers};
use metrics::Metrics;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
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
    /// If an address can't be bound, or TLS could not be set up.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<Self> {
        Self::start_with(config, clock, random, &PassedSockets::default(), Workers::here()).await
    }

    /// The same, with the sockets that the service manager passed, on these threads.
    pub(crate) async fn start_with(
        config: Config,
        clock: Clock,
        random: Random,
        passed: &PassedSockets,
        workers: Workers,
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let (outputs, fetching) = (Some(Outputs::default()), workers.fetching());
        let ambient = Ambient { clock, random, metrics: Metrics::default(), outputs, fetching };
        let stop = CancellationToken::new();
        let Assembled { live, sources } = assemble(&config, &ambient, Before::default())?;
        let live = Arc::new(ArcSwap::from_pointee(live));
        let acceptor = Acceptor::new(&config.server, stop.clone(), workers, &ambient.metrics.server);
        let service = stack(&live, &ambient.metrics.gateway, config.gateway.requests);
        let mut app = Self {
            addresses: Vec::new(),
            admin_address: None,
            admin_state: Arc::new(ArcSwap::from_pointee(admin_state::state(
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
        let (listeners, admin) = open(&config, passed).await?;
        app.sources.run();
        for (sockets, entrance) in listeners {
            app.tls.push(Arc::clone(&entrance.tls));
            for socket in sockets {
                app.addresses.push(socket.local_addr()?);
                tokio::spawn(app.acceptor.clone().accept(socket, entrance.clone(), service.clone()));
            }
        }
        if let Some((socket, tls)) = admin {
            app.admin_address = Some(socket.local_addr()?);
            app.serve_admin(socket, tls);
        }
        for name in passed.left() {
            tracing::warn!(name, "a passed socket is not used: no listener has the address systemd:NAME with its name");
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

    /// Fails readiness, keeps serving for a while so that load balancers notice, then stops accepting, lets requests in
    /// flight finish until the deadline, and ends.
    pub async fn drain(self) {
        let Drain { deadline, delay } = self.config.load().drain;
        tracing::info!(?delay, ?deadline, "draining");
        self.draining.cancel();
        tokio::time::sleep(delay).await;
        self.acceptor.closing.cancel();
        self.acceptor.finishing.cancel();
        let connections = &self.acceptor.connections;
        connections.close();
        if tokio::time::timeout(deadline, connections.wait()).await.is_err() {
            tracing::warn!(
                left = connections.len(),
                "the drain deadline has passed; closing the remaining connections"
            );
        }
        self.stop.cancel();
        // What was told to stop gets a moment to do so.
        let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
        let tracer = self.live.load().tracer.clone();
        if let Some(tracer) = tracer {
            tracer.flush(Duration::from_secs(2)).await;
        }
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

/// The sockets of each listener, and how connections begin there; and those of the admin listener.
type Opened = (Vec<(Vec<TcpListener>, Entrance)>, Option<(TcpListener, Option<Arc<ServerTls>>)>);

async fn open(config: &Config, passed: &PassedSockets) -> anyhow::Result<Opened> {
    let mut listeners = Vec::new();
    for (at, listener) in config.server.listeners.iter().enumerate() {
        let tls = tls(&listener.address, listener.tls.as_ref())?;
        let entrance = Entrance { tls: Arc::new(ArcSwapOption::from(tls)), proxy_protocol: listener.proxy_protocol };
        listeners.push((bind(&listener.address, passed, &format!("listeners[{at}]")).await?, entrance));
    }
    let Some(admin) = &config.admin else { return Ok((listeners, None)) };
    let tls = tls(&admin.address, admin.tls.as_ref())?;
    let mut sockets = bind(&admin.address, passed, "admin").await?;
    let socket = sockets.pop().filter(|_| sockets.is_empty());
    let socket = socket.with_context(|| format!("the admin listener needs exactly one socket of {}", admin.address))?;
    Ok((listeners, Some((socket, tls))))
}

async fn bind(address: &Address, passed: &PassedSockets, field: &str) -> anyhow::Result<Vec<TcpListener>> {
    let sockets = match address {
        Address::Socket(address) => TcpListener::bind(address).await.map(|socket| vec![socket]),
        Address::Passed(name) => passed.take(name)?.into_iter().map(TcpListener::from_std).collect(),
    };
    sockets.with_context(|| {
        format!("could not listen on {address}; stop the process that listens there, or change `{field}.address`")
    })
}

fn tls(address: &Address, settings: Option<&Tls>) -> anyhow::Result<Option<Arc<ServerTls>>> {
    let load = settings.map(Tls::load).transpose();
    load.with_context(|| format!("TLS on {address} could not be set up"))
}
