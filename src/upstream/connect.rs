//! Connecting to an endpoint: TCP, and TLS where it says `https`.

use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tower::ServiceExt;

use super::resolve::Resolver;
use super::{Protocol, Settings, UpstreamError};
use mfa_gateway_wire::{BoxError, EagerStream, KEEPALIVE, KEEPALIVE_INTERVAL, Socket};

/// The system's certificate roots, read when the first upstream needs them, and shared by all of a configuration: they
/// take 120 KB.
#[derive(Debug, Default)]
pub(crate) struct SystemRoots(Mutex<Option<Arc<Verifier>>>);

impl SystemRoots {
    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>, rustls::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verifier) = &*known {
            return Ok(Arc::clone(verifier));
        }
        Ok(Arc::clone(known.insert(Arc::new(Verifier::new(provider)?))))
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Option<TlsConnector>,
    /// The name that certificates must be valid for, if it isn't the endpoint's host.
    server_name: Option<ServerName<'static>>,
    protocol: Protocol,
}

impl Connector {
    /// A connector that verifies certificates as the settings say.
    pub(super) fn new(settings: &Settings, roots: &SystemRoots) -> Result<Self, UpstreamError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
        let tls = settings.endpoints.iter().any(|endpoint| endpoint.scheme_str() == Some("https"));
        let tls = tls
            .then(|| client_config(settings, roots))
            .transpose()
            .map_err(|error| UpstreamError::Tls(error.into()))?;
        let tls = tls.map(|config| TlsConnector::from(Arc::new(config)));
        let server_name = settings.tls.as_ref().and_then(|tls| tls.server_name.clone());
        Ok(Self { tcp, tls, server_name, protocol: settings.protocol })
    }

    pub(super) async fn connect(&self, endpoint: &http::Uri) -> Result<Socket<EagerStream>, BoxError> {
        let stream = EagerStream::new(self.tcp.clone().oneshot(endpoint.clone()).await?.into_inner());
        let Some(tls) = self.tls.as_ref().filter(|_| endpoint.scheme_str() == Some("https")) else {
            return Ok(Socket::Plain(stream));
        };
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host(endpoint).to_owned())?,
        };
        let stream = tls.connect(name, stream).await?;
        if self.protocol == Protocol::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err("it does not support HTTP/2 (ALPN)".into());
        }
        Ok(Socket::Tls(Box::new(stream.into())))
    }
}

/// The host of an endpoint; an IPv6 address without its brackets.
fn host(endpoint: &http::Uri) -> &str {
    endpoint.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn client_config(settings: &Settings, system: &SystemRoots) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let own = settings.tls.as_ref();
    let builder = match own.and_then(|tls| tls.roots.clone()) {
        Some(roots) => builder.with_root_certificates(roots),
        None => builder.dangerous().with_custom_certificate_verifier(system.verifier(provider)?),
    };
    let mut config = match own.and_then(|tls| tls.identity.clone()) {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![match settings.protocol {
        Protocol::Http1 => b"http/1.1".to_vec(),
        Protocol::Http2 => b"h2".to_vec(),
    }];
    Ok(config)
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}
