//! The HTTP clients for key and discovery documents.
//!
//! Each source has its own, and with them its own connections: one that hangs is no other issuer's trouble. What they
//! share is whom they trust. The system's certificate roots take 120 KB and milliseconds to read, and there may be a
//! thousand issuers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;
use tokio::runtime::Handle;
use url::{Host, Url};

use super::no_proxy::NoProxy;

/// Where documents are fetched, and what sources share for it.
#[derive(Clone, Debug, Default)]
pub struct Fetching {
    /// Where exchanges run, if not where they are asked for.
    pub(crate) elsewhere: Option<Handle>,
    no_proxy: NoProxy,
    trust: Arc<Mutex<Vec<Trust>>>,
    once: Arc<Mutex<Vec<Once>>>,
}

/// The authorities that are trusted besides the system's, and the configuration that trusts them all.
type Trust = (Vec<CertificateDer<'static>>, Arc<ClientConfig>);

/// Clients that share nothing, by the authorities that they trust besides the system's.
type Once = (Vec<CertificateDer<'static>>, Clients);

/// The clients of one source.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// For everything else: the proxy is taken from the environment.
    proxied: reqwest::Client,
    /// For loopback, since a proxy's loopback is another machine's, and where `NO_PROXY` says so.
    direct: reqwest::Client,
    no_proxy: NoProxy,
}

impl Fetching {
    /// Fetches `elsewhere`, if that is given. The system's certificate roots are those at the time when the first source
    /// needs them.
    #[must_use]
    pub fn new(elsewhere: Option<Handle>) -> Self {
        Self { elsewhere, no_proxy: NoProxy::from_env(), trust: Arc::default(), once: Arc::default() }
    }

    /// The clients of a source that trusts these authorities besides the system's.
    pub(crate) fn clients(&self, authorities: &[CertificateDer<'static>]) -> Result<Clients, ClientError> {
        Ok(Clients::new(&*self.trust(authorities)?, self.no_proxy.clone(), |builder| {
            // Long enough for discovery and keys in a row, too short to be cut off between two refreshes.
            builder.pool_idle_timeout(Duration::from_secs(4)).pool_max_idle_per_host(1)
        })?)
    }

    /// The clients for requests that must reach a server once at most: each has a connection of its own, and none is tried
    /// again. A pool sends a request a second time when a connection that it kept turns out to be closed, and a server may
    /// have read it all the same.
    pub(crate) fn clients_for_once(&self, authorities: &[CertificateDer<'static>]) -> Result<Clients, ClientError> {
        let mut known = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, clients)) = known.iter().find(|(of, _)| of == authorities) {
            return Ok(clients.clone());
        }
        let clients = Clients::new(&*self.trust(authorities)?, self.no_proxy.clone(), |builder| {
            builder.pool_max_idle_per_host(0).retry(reqwest::retry::never())
        })?;
        known.push((authorities.to_vec(), clients.clone()));
        Ok(clients)
    }

    /// The clients for an API that is called several times at once.
    pub(crate) fn clients_for_many(&self, authorities: &[CertificateDer<'static>]) -> Result<Clients, ClientError> {
        Ok(Clients::new(&*self.trust(authorities)?, self.no_proxy.clone(), |builder| {
            builder.pool_idle_timeout(Duration::from_secs(30)).pool_max_idle_per_host(16)
        })?)
    }

    fn trust(&self, authorities: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut known = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = known.iter().find(|(of, _)| of == authorities) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(config(authorities)?);
        known.push((authorities.to_vec(), Arc::clone(&config)));
        Ok(config)
    }
}

/// Why there are no clients.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody's certificate could be checked.
    #[error("the certificate authorities could not be read")]
    Authorities(#[from] rustls::Error),
    /// Anything else.
    #[error("the HTTP client could not be set up")]
    Client(#[from] reqwest::Error),
}

fn config(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let verifier = Verifier::new_with_extra_roots(authorities.iter().cloned(), Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // It is the verifier that reqwest would take itself, once for each client.
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl Clients {
    fn new(
        trust: &ClientConfig,
        no_proxy: NoProxy,
        pooling: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, reqwest::Error> {
        let builder = || {
            let builder = reqwest::Client::builder()
                .redirect(Policy::none())
                .tls_backend_preconfigured(trust.clone())
                .user_agent(concat!("mfa-gateway/", env!("CARGO_PKG_VERSION")));
            pooling(builder)
        };
        Ok(Self { proxied: builder().build()?, direct: builder().no_proxy().build()?, no_proxy })
    }

    /// The one to fetch from this address with.
    pub(crate) fn of(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) || self.no_proxy.contains(url) { &self.direct } else { &self.proxied }
    }
}

/// Whether an address is reached without a proxy, as far as reqwest doesn't know it.
#[must_use]
pub fn is_direct(url: &Url) -> bool {
    is_loopback(url) || NoProxy::from_env().contains(url)
}

/// Whether an address can only lead to this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_trust_the_same_share_the_certificate_roots() {
        let fetching = Fetching::default();
        let [one, other] = [(); 2].map(|()| fetching.clone().trust(&[]).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        for _ in 0..3 {
            fetching.clients(&[]).unwrap();
        }
        assert_eq!(fetching.trust.lock().unwrap().len(), 1);
        assert!(fetching.clients(&[CertificateDer::from(vec![1, 2, 3])]).is_err());
    }
}
