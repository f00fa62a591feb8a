//! Admission: which connections are served at all.
//!
//! One address may have so many connections, so that it can't take the place of all others. What counts is the address
//! that is known before anything of HTTP is read; that of a proxy in front stands for many, and is not limited.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::net::TcpStream;

use super::metrics::ConnectionRefusal;
use super::{Metrics, Settings};
use mfa_gateway_wire::client_network;
use mfa_gateway_wire::proxy_protocol::{self, ProxyHead};

/// Tells whose connections are served, and for whom a connection speaks.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    rules: Arc<ArcSwap<Rules>>,
    open: Open,
    metrics: Arc<Metrics>,
}

/// How many connections there are from where. An entry ends with its last connection.
type Open = Arc<Mutex<HashMap<IpAddr, Count>>>;

#[derive(Debug)]
struct Count {
    open: usize,
    /// Whether the log reports that there were too many. Once is enough until all are closed.
    told: bool,
}

#[derive(Debug)]
struct Rules {
    trusted_proxies: Vec<IpNet>,
    per_address: Option<usize>,
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
    fn of(settings: &Settings) -> Self {
        Self { trusted_proxies: settings.trusted_proxies.clone(), per_address: settings.connections_per_address }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

impl Admission {
    pub(super) fn new(settings: &Settings, metrics: &Metrics) -> Self {
        Self {
            rules: Arc::new(ArcSwap::from_pointee(Rules::of(settings))),
            open: Open::default(),
            metrics: Arc::new(metrics.clone()),
        }
    }

    /// Applies other settings from the next connection on.
    pub(super) fn change(&self, settings: &Settings) {
        self.rules.store(Arc::new(Rules::of(settings)));
    }

    /// Whether this is the address of a trusted proxy.
    pub(super) fn trusts(&self, address: SocketAddr) -> bool {
        self.rules.load().trusts(address.ip().to_canonical())
    }

    /// Takes the PROXY protocol's head off a connection. The caller sets the deadline.
    ///
    /// # Errors
    ///
    /// If the connection isn't a trusted proxy's, or has no such head.
    pub(super) async fn introduce(&self, stream: &mut TcpStream, peer: SocketAddr) -> std::io::Result<Arrival> {
        // A client that is admitted here may claim any address.
        if !self.trusts(peer) {
            self.metrics.refused(ConnectionRefusal::UntrustedProxy);
            return Err(std::io::Error::other("only trusted_proxies may send the PROXY protocol"));
        }
        match proxy_protocol::read(stream).await {
            Ok(ProxyHead::Client(address)) => Ok(Arrival { address, untold: false }),
            Ok(ProxyHead::NoClient) => Ok(Arrival { address: peer, untold: true }),
            Err(error) => {
                self.metrics.refused(ConnectionRefusal::ProxyProtocol);
                Err(error)
            }
        }
    }

    /// Counts a connection that ended before its first byte was understood, if it has to do with TLS. Others left.
    pub(super) fn failed(&self, over_tls: bool) {
        if over_tls {
            self.metrics.refused(ConnectionRefusal::Tls);
        }
    }

    /// Counts a connection for as long as what it returns is held.
    ///
    /// # Errors
    ///
    /// If there are as many from its address as there may be.
    pub(super) fn admit(&self, address: SocketAddr) -> std::io::Result<Option<Admitted>> {
        let rules = self.rules.load();
        let address = address.ip().to_canonical();
        let Some(most) = rules.per_address.filter(|_| !address.is_loopback() && !rules.trusts(address)) else {
            return Ok(None);
        };
        let from = client_network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(from).or_insert(Count { open: 0, told: false });
        if count.open < most {
            count.open += 1;
            return Ok(Some(Admitted { from, open: Arc::clone(&self.open) }));
        }
        if !std::mem::replace(&mut count.told, true) {
            tracing::warn!(client = %address, most, "connections above limits.connections_per_address are closed");
        }
        self.metrics.refused(ConnectionRefusal::PerAddress);
        Err(std::io::Error::other("the address has reached limits.connections_per_address"))
    }
}

/// A counted connection.
#[derive(Debug)]
pub(super) struct Admitted {
    from: IpAddr,
    open: Open,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = open.entry(self.from) {
            entry.get_mut().open -= 1;
            if entry.get().open == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(trusted: &str, most: Option<usize>) -> Admission {
        let rules = Rules { trusted_proxies: vec![trusted.parse().unwrap()], per_address: most };
        Admission { rules: Arc::new(ArcSwap::from_pointee(rules)), open: Open::default(), metrics: Arc::default() }
    }

    fn admit(admission: &Admission, address: &str) -> Result<Option<Admitted>, ()> {
        admission.admit(SocketAddr::new(address.parse().unwrap(), 1)).map_err(drop)
    }

    #[test]
    fn an_address_has_so_many_connections_at_once() {
        let admission = admission("10.0.0.0/8", Some(2));
        let first = admit(&admission, "192.0.2.1").unwrap();
        let _second = admit(&admission, "::ffff:192.0.2.1").unwrap();
        assert!(admit(&admission, "192.0.2.1").is_err());
        assert!(admit(&admission, "192.0.2.2").is_ok(), "another is another");
        drop(first);
        let _third = admit(&admission, "192.0.2.1").unwrap();
        assert!(admit(&admission, "192.0.2.1").is_err());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one() {
        let admission = admission("10.0.0.0/8", Some(1));
        let _one = admit(&admission, "2001:db8:0:1::1").unwrap();
        assert!(admit(&admission, "2001:db8:0:1:ffff::2").is_err());
        assert!(admit(&admission, "2001:db8:0:2::1").is_ok());
    }

    #[test]
    fn loopback_and_trusted_proxies_are_not_counted_and_nothing_is_kept() {
        let admission = admission("10.0.0.0/8", Some(1));
        for exempt in ["127.0.0.1", "::1", "10.1.2.3", "::ffff:10.1.2.3"] {
            let held = [admit(&admission, exempt), admit(&admission, exempt)];
            assert!(held.iter().all(Result::is_ok), "{exempt}");
        }
        drop(admit(&admission, "192.0.2.1"));
        assert!(admission.open.lock().unwrap().is_empty());
        let unlimited = self::admission("10.0.0.0/8", None);
        assert!(admit(&unlimited, "192.0.2.1").unwrap().is_none());
    }
}
