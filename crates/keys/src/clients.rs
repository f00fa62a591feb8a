//! The HTTP clients for key and discovery documents: one for all sources that trust the same authorities.
//!
//! Each client holds the system's certificate roots, 120 KB, so that a thousand issuers with one each take a quarter of a
//! gigabyte.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;

/// Where documents are fetched, and the clients that sources share.
#[derive(Clone, Debug, Default)]
pub struct Fetching {
    /// Where exchanges run, if not where they are asked for.
    pub(crate) elsewhere: Option<Handle>,
    clients: Arc<Mutex<Vec<Known>>>,
}

/// The authorities that are trusted besides the system's, and the clients that trust them.
type Known = (Vec<CertificateDer<'static>>, Clients);

/// The clients of sources that trust the same authorities. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// For everything else: the proxy is taken from the environment.
    pub(crate) proxied: reqwest::Client,
    /// For loopback: a proxy's loopback is another machine's.
    pub(crate) direct: reqwest::Client,
}

impl Fetching {
    /// Fetches `elsewhere`, if that is given. The clients are made when the first source needs them, with the system's
    /// certificate roots as they are then.
    #[must_use]
    pub fn new(elsewhere: Option<Handle>) -> Self {
        Self { elsewhere, clients: Arc::default() }
    }

    /// The clients that trust these authorities besides the system's.
    pub(crate) fn clients(&self, authorities: &[CertificateDer<'static>]) -> Result<Clients, reqwest::Error> {
        let mut known = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, clients)) = known.iter().find(|(of, _)| of == authorities) {
            return Ok(clients.clone());
        }
        let clients = Clients::new(authorities)?;
        known.push((authorities.to_vec(), clients.clone()));
        Ok(clients)
    }
}

impl Clients {
    fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, reqwest::Error> {
        let roots: Result<Vec<_>, _> = authorities.iter().map(|der| reqwest::Certificate::from_der(der)).collect();
        let roots = roots?;
        let builder = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                // Long enough for discovery and keys in a row, too short to be cut off between two refreshes.
                .pool_idle_timeout(Duration::from_secs(4))
                .pool_max_idle_per_host(1)
                .tls_certs_merge(roots.clone())
                .user_agent(concat!("mfa-gateway/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self { proxied: builder().build()?, direct: builder().no_proxy().build()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_trust_the_same_share_their_clients() {
        let fetching = Fetching::default();
        for _ in 0..3 {
            fetching.clone().clients(&[]).unwrap();
        }
        assert_eq!(fetching.clients.lock().unwrap().len(), 1);
    }
}
