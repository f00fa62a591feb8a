//! The authorizers: each a face of the decision on a socket of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use super::listeners::{Open, tls};
use super::told;
use crate::config::{Authorizer, Config};
use crate::faces::{Face, Settings};
use crate::gateway::{Live, verdict_stack};
use crate::server::{Acceptor, ServerTls};

/// The authorizers that run.
#[derive(Debug, Default)]
pub(super) struct Authorizers {
    running: Vec<Running>,
    addresses: Vec<SocketAddr>,
}

/// What of a running authorizer may change.
#[derive(Debug)]
struct Running {
    settings: Arc<ArcSwap<Settings>>,
    tls: Arc<ArcSwapOption<ServerTls>>,
}

impl Authorizers {
    /// Serves the configuration's authorizers on their sockets.
    pub(super) fn serve(
        &mut self,
        config: &Config,
        opened: Vec<Open>,
        (acceptor, live, ambient, draining): (&Acceptor, &Arc<ArcSwap<Live>>, &Ambient, &CancellationToken),
    ) -> anyhow::Result<()> {
        let stack = verdict_stack(live, &ambient.metrics.gateway, config.gateway.requests);
        for (authorizer, (sockets, mut entrance)) in config.authorizers.iter().zip(opened) {
            let settings = Arc::new(ArcSwap::from(Arc::clone(&authorizer.settings)));
            entrance.authorizer = Some(Arc::clone(&settings));
            let face = Face::new(Arc::clone(&settings), stack.clone(), draining.clone());
            self.running.push(Running { settings, tls: Arc::clone(&entrance.tls) });
            let what = format!("authorizer {}", authorizer.settings.name);
            for socket in sockets {
                let address = socket.address()?;
                told::listening(&address, &what, entrance.tls.load().is_some(), false);
                self.addresses.extend(address.socket());
                tokio::spawn(acceptor.clone().accept(socket, entrance.clone(), face.clone()));
            }
        }
        Ok(())
    }

    /// Takes over what may change without a restart: who may ask, and the certificates.
    pub(super) fn change(&self, started: &Config, config: &Config, loaded: &[Option<Arc<ServerTls>>]) {
        for (running, before) in self.running.iter().zip(&started.authorizers) {
            let after = config.authorizers.iter().zip(loaded).find(|(one, _)| is_same(one, before));
            let Some((after, certificates)) = after else { continue };
            running.settings.store(Arc::clone(&after.settings));
            if running.tls.load().is_some() && certificates.is_some() {
                running.tls.store(certificates.clone());
            }
        }
    }

    /// Where they are, but for Unix sockets.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// The certificates of the authorizers.
pub(super) fn load(config: &Config) -> anyhow::Result<Vec<Option<Arc<ServerTls>>>> {
    config.authorizers.iter().map(|one| tls(&one.listener.address, one.listener.tls.as_ref())).collect()
}

/// Whether two configurations need the same sockets for their authorizers.
pub(super) fn are_same(before: &Config, after: &Config) -> bool {
    let (before, after) = (&before.authorizers, &after.authorizers);
    before.len() == after.len() && before.iter().zip(after).all(|(before, after)| is_same(after, before))
}

fn is_same(one: &Authorizer, other: &Authorizer) -> bool {
    let (one, other) = ((&one.settings, &one.listener), (&other.settings, &other.listener));
    (&one.0.name, one.0.kind, &one.1.address, one.1.tls.is_some())
        == (&other.0.name, other.0.kind, &other.1.address, other.1.tls.is_some())
}
