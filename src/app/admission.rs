//! Admission: which connections are served at all.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::net::TcpStream;

use crate::config::Config;
use crate::net::proxy_protocol::{self, Told};
use crate::telemetry::{ConnectionRefusal, Metrics};

/// Tells whose connections are served, and for whom a connection speaks.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    rules: Arc<ArcSwap<Rules>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Rules {
    trusted_proxies: Vec<IpNet>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The client's address, or the nearest thing to it that is known.
    pub(super) address: SocketAddr,
    /// Whether that is the address of a proxy which could have told its client's, and didn't.
    pub(super) untold: bool,
}

impl Rules {
    fn of(config: &Config) -> Self {
        Self { trusted_proxies: config.trusted_proxies.clone() }
    }

    fn trusts(&self, address: SocketAddr) -> bool {
        // A listener for both families sees IPv4 addresses within IPv6 ones.
        let address = address.ip().to_canonical();
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

impl Admission {
    pub(super) fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        Self { rules: Arc::new(ArcSwap::from_pointee(Rules::of(config))), metrics: Arc::clone(metrics) }
    }

    /// Goes by another configuration from the next connection on.
    pub(super) fn change(&self, config: &Config) {
        self.rules.store(Arc::new(Rules::of(config)));
    }

    /// Takes the PROXY protocol's head off a connection. The caller sets the deadline.
    ///
    /// # Errors
    ///
    /// If the connection isn't a trusted proxy's, or has no such head.
    pub(super) async fn introduce(&self, stream: &mut TcpStream, peer: SocketAddr) -> std::io::Result<Arrival> {
        // Whoever is let in here may say that it is anybody.
        if !self.rules.load().trusts(peer) {
            self.metrics.refused_connection(ConnectionRefusal::UntrustedProxy);
            return Err(std::io::Error::other("the PROXY protocol is spoken to trusted_proxies alone"));
        }
        match proxy_protocol::read(stream).await {
            Ok(Told::Client(address)) => Ok(Arrival { address, untold: false }),
            Ok(Told::Nothing) => Ok(Arrival { address: peer, untold: true }),
            Err(error) => {
                self.metrics.refused_connection(ConnectionRefusal::ProxyProtocol);
                Err(error)
            }
        }
    }
}
