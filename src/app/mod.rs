//! Assembly: makes everything from a configuration, and owns the tasks.

mod assemble;
mod connection;
mod listen;
mod signal;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use assemble::{Assembled, assemble};
pub(crate) use signal::shutdown_signal;

use crate::admin::Admin;
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::stack;
use crate::jwks::KeySource;
use crate::random::Random;
use crate::telemetry::Metrics;
use connection::ConnectionSettings;

/// The running gateway.
#[derive(Debug)]
pub struct App {
    addresses: Vec<SocketAddr>,
    admin_address: Option<SocketAddr>,
    sources: Vec<Arc<KeySource>>,
    drain: Duration,
    /// Ends accepting, and asks connections to finish.
    draining: CancellationToken,
    /// Ends everything.
    stop: CancellationToken,
    connections: TaskTracker,
}

impl App {
    /// Binds the listeners and starts to serve.
    ///
    /// # Errors
    ///
    /// If an address can't be bound, or TLS has no certificate roots.
    pub async fn start(config: Config, clock: Clock, random: Random) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let settings = ConnectionSettings::of(&config);
        let (limits, drain) = (config.limits, config.timeouts.drain);
        let (listener_addresses, admin_address) = (config.listeners.clone(), config.admin);
        let Assembled { live, sources } = assemble(config, clock, random, &metrics)?;
        let live = Arc::new(ArcSwap::from_pointee(live));
        let app = Self {
            addresses: Vec::new(),
            admin_address: None,
            sources,
            drain,
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let service = stack(&live, &metrics, limits.requests);
        let mut listeners = Vec::new();
        for address in listener_addresses {
            listeners.push(bind(address).await?);
        }
        let admin = match admin_address {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let mut app = app;
        for source in &app.sources {
            tokio::spawn(Arc::clone(source).run(app.stop.clone()));
        }
        let acceptor = listen::Acceptor::new(settings, limits.connections, &app, &metrics);
        for listener in listeners {
            app.addresses.push(listener.local_addr()?);
            tokio::spawn(acceptor.clone().accept(listener, service.clone()));
        }
        if let Some(listener) = admin {
            app.admin_address = Some(listener.local_addr()?);
            let admin = Admin::new(app.sources.clone(), metrics, app.draining.clone());
            tokio::spawn(admin.serve(listener, app.stop.clone()));
        }
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
        for source in &self.sources {
            source.settled().await;
        }
    }

    /// Stops accepting, lets requests in flight finish until the deadline, and ends.
    pub async fn drain(self) {
        tracing::info!("draining");
        self.draining.cancel();
        self.connections.close();
        if tokio::time::timeout(self.drain, self.connections.wait()).await.is_err() {
            tracing::warn!(left = self.connections.len(), "the drain deadline has passed; closing what is left");
        }
        self.stop.cancel();
        // What was told to stop gets a moment to do so.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connections.wait()).await;
        tracing::info!("stopped");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.draining.cancel();
        self.stop.cancel();
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))
}
