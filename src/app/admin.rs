//! The admin listener: how it is served, and what a configuration becomes for it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::connection::ConnectionSettings;
use super::listen::{Acceptor, Entrance};
use super::workers::Workers;
use super::{Ambient, App};
use crate::admin::{Access, Admin, State, service};
use crate::config::{Config, ServerTls};
use crate::telemetry::Metrics;
use mfa_gateway_keys::KeySource;
use mfa_gateway_layer::Issuer;

/// How many connections there may be at once: operators, a kubelet and a few scrapers.
const MAX_CONNECTIONS: usize = 64;

/// How many of them one address may have, so that it can't keep a kubelet from asking whether the gateway lives.
const MAX_PER_ADDRESS: usize = 16;

impl App {
    /// Serves the admin listener until the end: it tells of a drain as well.
    pub(super) fn serve_admin(&self, listener: TcpListener, tls: Option<Arc<ServerTls>>) {
        let admin = Admin {
            live: Arc::clone(&self.live),
            state: Arc::clone(&self.admin_state),
            sources: self.sources.list(),
            metrics: Arc::clone(&self.ambient.metrics),
            reloads: self.reloads.clone(),
            draining: self.draining.clone(),
            started: AtomicBool::new(false),
        };
        // The limits by address hold here too, counted apart; and this isn't traffic, so it counts as none.
        let apart = Arc::new(Metrics::new());
        let acceptor = Acceptor {
            settings: Arc::new(ArcSwap::from_pointee(ConnectionSettings::for_admin(&self.started))),
            admission: Admission::at_most(MAX_PER_ADDRESS, &self.started, &apart),
            free: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            closing: self.stop.clone(),
            finishing: self.stop.clone(),
            stop: self.stop.clone(),
            connections: TaskTracker::new(),
            open: apart.connections.clone(),
            limits: apart.limits.clone(),
            workers: Workers::here(),
        };
        self.admin_tls.store(tls);
        let entrance = Entrance { tls: Arc::clone(&self.admin_tls), proxy_protocol: false };
        tokio::spawn(acceptor.accept(listener, entrance, service(admin, &apart)));
    }
}

/// The state that a configuration with these sources of keys has for the admin listener.
pub(super) fn state(config: &Arc<Config>, sources: &[Arc<KeySource>], ambient: &Ambient, generation: u64) -> State {
    State {
        config: Arc::clone(config),
        access: access(config, sources, ambient),
        generation,
        loaded: ambient.clock.now(),
        needs_restart: Vec::new(),
    }
}

fn access(config: &Config, sources: &[Arc<KeySource>], ambient: &Ambient) -> Access {
    let authentication = config.admin.as_ref().and_then(|admin| admin.authentication.as_ref());
    let operators = authentication.and_then(|authentication| authentication.operators.as_ref());
    let named = |issuer: &&crate::config::Issuer| operators.is_some_and(|one| one.issuer == issuer.profile.name);
    let issuer = |issuer: &crate::config::Issuer| {
        let mut rules = issuer.rules.clone();
        if let Some(audiences) = operators.and_then(|operators| operators.audiences.as_ref()) {
            rules.audiences.clone_from(audiences);
        }
        Issuer::new(Arc::clone(&issuer.profile), rules, Arc::clone(&sources[issuer.keys]))
    };
    let issuers = config.issuers.iter().filter(named).map(issuer).collect();
    Access::new(authentication, issuers, config.limits.token_bytes, &ambient.clock)
}
