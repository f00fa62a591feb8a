//! The admin listener: how it is served.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::App;
use crate::admin::{Admin, service};
use crate::server::{self, Acceptor, ConnectionSettings, Entrance, Listening, ServerTls, Workers};

/// How many connections there may be at once: operators, a kubelet and a few scrapers.
const MAX_CONNECTIONS: usize = 64;

/// How many of them one address may have, so that it can't keep a kubelet from asking whether the gateway lives.
const MAX_PER_ADDRESS: usize = 16;

impl App {
    /// Serves the admin listener until the end: it reports a drain as well. On a thread of its own, if there is one: a
    /// scrape of many routes' metrics takes seconds, and compressing it more.
    ///
    /// # Errors
    ///
    /// If the socket can't be moved to that thread.
    pub(super) fn serve_admin(&self, listener: TcpListener, tls: Option<Arc<ServerTls>>) -> io::Result<()> {
        let admin = Admin {
            live: Arc::clone(&self.live),
            state: Arc::clone(&self.admin_state),
            sources: self.sources.list(),
            metrics: self.ambient.metrics.register(),
            panics: self.ambient.metrics.gateway.panics.clone(),
            reloads: self.reloads.clone(),
            readiness: Arc::clone(&self.readiness),
            serving: self.runtime.clone(),
            store: self.ambient.store.clone(),
            report: self.ambient.report.clone(),
            exceptions: self.ambient.exceptions.clone(),
            sessions: self.ambient.sessions.clone(),
        };
        let operating = self.operating.clone().unwrap_or_else(|| self.runtime.clone());
        let listener = listener.into_std()?;
        let _context = operating.enter();
        let listener = TcpListener::from_std(listener)?;
        // This isn't traffic, so it counts as none.
        let apart = server::Metrics::default();
        let settings = settings(&self.started.server);
        let acceptor = Acceptor::new(&settings, self.stop.clone(), Workers::here(), &apart).until_the_end();
        self.admin_tls.store(tls);
        let entrance = Entrance { tls: Arc::clone(&self.admin_tls), proxy_protocol: false, authorizer: None };
        operating.spawn(acceptor.accept(Listening::Tcp(listener), entrance, service(admin)));
        Ok(())
    }
}

/// The settings of the admin listener: the limits by address too, and of a connection's own little, so that a few can't
/// hold on to all there are.
fn settings(of_clients: &server::Settings) -> server::Settings {
    let per_address = of_clients.connections_per_address.map_or(MAX_PER_ADDRESS, |most| most.min(MAX_PER_ADDRESS));
    let connection = ConnectionSettings {
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(30),
        streams: 8,
        body_timeout: Duration::from_secs(10),
        age: Some(Duration::from_secs(600)),
        ..of_clients.connection
    };
    server::Settings {
        connections: MAX_CONNECTIONS,
        connections_per_address: Some(per_address),
        connection,
        ..of_clients.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Config;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
limits: { connections_per_address: MOST }
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
";

    #[test]
    fn the_admin_listener_has_a_limit_whatever_is_configured() {
        for (configured, expected) in [("0", 16), ("100", 16), ("2", 2)] {
            let config = Config::parse("f", &FILE.replace("MOST", configured), HashMap::new()).unwrap();
            assert_eq!(settings(&config.server).connections_per_address, Some(expected), "{configured}");
        }
    }
}
