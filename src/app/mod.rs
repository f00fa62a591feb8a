//! Assembly: makes everything from a configuration, and owns the tasks.

mod admin;
mod admin_state;
mod ambient;
mod assemble;
mod authorizers;
mod certificates;
mod consents;
mod drain;
mod events;
mod exceptions;
#[cfg(feature = "in-process")]
mod in_process;
mod kept;
mod listeners;
mod metrics;
mod notify;
mod opening;
mod passed;
mod reload;
mod reloading;
mod report;
mod retired;
mod sessions;
mod signal;
mod sources;
mod store;
mod stored_keys;
mod told;
mod vendors;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(crate) use ambient::Ambient;
pub(crate) use assemble::{Assembled, Before, assemble};
pub(crate) use notify::{keep_watchdog, ready, stopping};
pub(crate) use passed::PassedSockets;
pub(crate) use reloading::reload_on_change;
pub(crate) use signal::{Signals, shutdown_signal};
pub(crate) use told::{starting, warnings as tell_warnings};
pub(crate) use watched::Watched;

use crate::admin::{Readiness, Reloads, State};
use crate::config::Config;
use crate::gateway::{Live, stack};
use crate::server::{Acceptor, Address, ServerTls, Workers};
use authorizers::Authorizers;
use listeners::Opened;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use retired::Retired;
use sources::Sources;

/// The running gateway.
#[derive(Debug)]
pub struct App {
    addresses: Vec<SocketAddr>,
    authorizers: Authorizers,
    admin_address: Option<SocketAddr>,
    admin_state: Arc<ArcSwap<State>>,
    readiness: Arc<Readiness>,
    admin_tls: Arc<ArcSwapOption<ServerTls>>,
    reloads: Reloads,
    ambient: Ambient,
    live: Arc<ArcSwap<Live>>,
    sources: Sources,
    tls: Vec<Arc<ArcSwapOption<ServerTls>>>,
    /// The configuration at the start: listeners and some limits stay as they are.
    started: Arc<Config>,
    config: ArcSwap<Config>,
    acceptor: Acceptor,
    /// What reloads have replaced.
    retired: Retired,
    /// Where tasks run.
    runtime: Handle,
    /// Where operators are served, if not there.
    operating: Option<Handle>,
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
        let operating = workers.operating();
        let ambient = opening::open(&config, clock, random, &workers).await?;
        let stop = CancellationToken::new();
        stored_keys::tidy(&config);
        let Assembled { live, sources } = assemble(&config, &ambient, Before::default())?;
        let live = Arc::new(ArcSwap::from_pointee(live));
        let acceptor = Acceptor::new(&config.server, stop.clone(), workers, &ambient.metrics.server);
        let service = stack(&live, &ambient.metrics.gateway, config.gateway.requests);
        let admin_state = admin_state::state(&config, &sources, &ambient, live.load().generation);
        let admin_state = Arc::new(ArcSwap::from_pointee(admin_state));
        let (sources, draining) = (Sources::new(sources, stop.clone()), CancellationToken::new());
        let mut app = Self {
            addresses: Vec::new(),
            authorizers: Authorizers::default(),
            admin_address: None,
            admin_state,
            admin_tls: Arc::default(),
            reloads: Reloads::default(),
            ambient,
            live,
            readiness: Arc::new(Readiness::new(sources.list(), draining.clone())),
            sources,
            tls: Vec::new(),
            started: Arc::clone(&config),
            config: ArcSwap::from(config),
            acceptor,
            retired: Retired::default(),
            runtime: Handle::current(),
            operating,
            draining,
            stop,
        };
        let Opened { listeners, authorizers, admin } = listeners::open(&Arc::clone(&app.started), passed).await?;
        app.sources.run();
        consents::run(&app.live, &app.ambient, &app.stop);
        app.follow_store().await;
        told::in_use(&app.admin_state.load(), "configuration loaded");
        for (sockets, entrance) in listeners {
            app.tls.push(Arc::clone(&entrance.tls));
            for socket in sockets {
                let address = socket.address()?;
                told::listening(&address, "traffic", entrance.tls.load().is_some(), entrance.proxy_protocol);
                app.addresses.extend(address.socket());
                tokio::spawn(app.acceptor.clone().accept(socket, entrance.clone(), service.clone()));
            }
        }
        app.authorizers.serve(&app.started, authorizers, (&app.acceptor, &app.live, &app.ambient, &app.draining))?;
        if let Some((socket, tls)) = admin {
            let address = socket.local_addr()?;
            app.admin_address = Some(address);
            told::listening(&Address::Socket(address), "operators and probes", tls.is_some(), false);
            app.serve_admin(socket, tls)?;
        }
        told::unused(passed);
        certificates::tell(&app.started, &app.ambient);
        exceptions::note(&app.started, &app.ambient);
        app.ambient.metrics.reloads.started(app.ambient.clock.now(), &app.admin_state.load().hash());
        tokio::spawn(told::when_ready(Arc::clone(&app.readiness)));
        Ok(app)
    }

    /// Reads what the store has, and keeps this process alike with it from then on.
    async fn follow_store(&self) {
        sessions::run(self.ambient.sessions.as_ref(), self.stop.clone()).await;
        report::run(self.ambient.report.as_ref(), self.stop.clone());
        events::run(self.ambient.revoked.as_ref(), self.stop.clone()).await;
        exceptions::run(self.ambient.exceptions.as_ref(), self.stop.clone()).await;
    }

    /// The addresses that take traffic.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses of the authorizers, but for Unix sockets.
    #[must_use]
    pub fn authorizer_addresses(&self) -> &[SocketAddr] {
        self.authorizers.addresses()
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
}

impl Drop for App {
    fn drop(&mut self) {
        self.draining.cancel();
        self.acceptor.closing.cancel();
        self.stop.cancel();
    }
}
