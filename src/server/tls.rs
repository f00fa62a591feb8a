//! TLS on a listener: which files, and what they make.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_wire::certificate::{TlsError, certified, expiry, roots};

/// TLS on a listener: the files it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    certificates: Vec<(PathBuf, PathBuf)>,
    clients: Option<ClientCertificates>,
    expiries: Vec<(PathBuf, Timestamp)>,
}

/// The requirements for clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The file of the authorities that may have issued them.
    pub ca_file: PathBuf,
    /// Whether a client without one is turned away.
    pub required: bool,
    /// Whether upstreams get the client's certificate.
    pub forward: bool,
}

/// The parts that a listener needs for TLS.
#[derive(Debug)]
pub struct ServerTls {
    /// The handshake's settings.
    pub config: Arc<ServerConfig>,
    /// Whether upstreams get the client's certificate.
    pub forward_client: bool,
}

impl Tls {
    /// TLS with these files, each certificate with its key. [`Tls::load`] reads them.
    #[must_use]
    pub fn new(certificates: Vec<(PathBuf, PathBuf)>, clients: Option<ClientCertificates>) -> Self {
        let expiry = |path: &PathBuf| Some((path.clone(), Timestamp::from_secs(expiry(path)?)));
        let expiries = certificates.iter().filter_map(|(certificate, _)| expiry(certificate)).collect();
        Self { certificates, clients, expiries }
    }

    /// All files, for noticing that one has changed.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.certificates
            .iter()
            .flat_map(|(certificate, key)| [certificate, key])
            .chain(self.clients.iter().map(|clients| &clients.ca_file))
    }

    /// When each certificate expires.
    pub(crate) fn expiries(&self) -> &[(PathBuf, Timestamp)] {
        &self.expiries
    }

    /// Reads the files and makes what a listener needs.
    ///
    /// # Errors
    ///
    /// If a file can't be read or used, or a key isn't that of its certificate.
    pub fn load(&self) -> Result<Arc<ServerTls>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::new(&error))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let roots = Arc::new(roots(&clients.ca_file)?);
                let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
                if !clients.required {
                    verifier = verifier.allow_unauthenticated();
                }
                builder.with_client_cert_verifier(verifier.build().map_err(|error| TlsError::new(&error))?)
            }
        };
        let keys: Result<Vec<_>, _> =
            self.certificates.iter().map(|(certificate, key)| certified(certificate, key, &provider)).collect();
        let mut config = builder.with_cert_resolver(Arc::new(ByName(keys?)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let forward_client = self.clients.as_ref().is_some_and(|clients| clients.forward);
        Ok(Arc::new(ServerTls { config: Arc::new(config), forward_client }))
    }
}

/// Chooses the certificate by the name that the client asks for.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let valid = |key: &&Arc<CertifiedKey>| {
            let certificate = key.cert.first().and_then(|der| EndEntityCert::try_from(der).ok());
            certificate
                .zip(name.as_ref())
                .is_some_and(|(certificate, name)| certificate.verify_is_valid_for_subject_name(name).is_ok())
        };
        self.0.iter().find(valid).or(self.0.first()).cloned()
    }
}
