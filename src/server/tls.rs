//! TLS on a listener: which files, and what they make.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use crate::gateway::Shown;
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
    /// The certificates, if there are several.
    by_name: Option<Arc<ByName>>,
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

    /// Whether clients are asked for certificates.
    pub(crate) fn asks_clients(&self) -> bool {
        self.clients.is_some()
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
        let by_name = Arc::new(ByName::new(keys?));
        let mut config = builder.with_cert_resolver(Arc::clone(&by_name) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let forward_client = self.clients.as_ref().is_some_and(|clients| clients.forward);
        let by_name = Some(by_name).filter(|all| all.keys.len() > 1);
        Ok(Arc::new(ServerTls { config: Arc::new(config), forward_client, by_name }))
    }
}

/// The certificates of a listener, by the names that they are for.
#[derive(Debug)]
pub(super) struct ByName {
    keys: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, usize>,
    /// The wildcard's domain: one label stands for the wildcard (RFC 9525 section 6.3).
    below: HashMap<String, usize>,
}

impl ByName {
    fn new(keys: Vec<Arc<CertifiedKey>>) -> Self {
        let (mut exact, mut below) = (HashMap::new(), HashMap::new());
        for (place, key) in keys.iter().enumerate() {
            let Some(certificate) = key.cert.first().and_then(|der| EndEntityCert::try_from(der).ok()) else {
                continue;
            };
            for name in certificate.valid_dns_names() {
                let name = name.to_ascii_lowercase();
                match name.strip_prefix("*.") {
                    Some(domain) => below.entry(domain.to_owned()).or_insert(place),
                    None => exact.entry(name).or_insert(place),
                };
            }
        }
        Self { keys, exact, below }
    }

    /// The certificate for a name in lower case: one that has the name, else a wildcard's, else the first.
    fn place(&self, name: &str) -> usize {
        let wildcard = || self.below.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard).copied().unwrap_or(0)
    }

    fn place_of(&self, asked: &str) -> usize {
        self.place(&asked.strip_suffix('.').unwrap_or(asked).to_ascii_lowercase())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let place = hello.server_name().map_or(0, |name| self.place_of(name));
        self.keys.get(place).or(self.keys.first()).cloned()
    }
}

/// The certificate of a connection.
#[derive(Debug)]
struct ShownByName {
    all: Arc<ByName>,
    place: usize,
}

impl Shown for ShownByName {
    fn is_for(&self, host: &str) -> bool {
        self.all.place(host) == self.place
    }
}

impl ServerTls {
    /// The certificate that a client was shown for this name, if there are several.
    pub(super) fn shown(&self, asked: Option<&str>) -> Option<Box<dyn Shown>> {
        let all = Arc::clone(self.by_name.as_ref()?);
        let place = all.place_of(asked?);
        Some(Box::new(ShownByName { all, place }))
    }
}
