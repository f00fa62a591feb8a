//! TLS on a listener: which files, and what they make.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use webpki::{EndEntityCert, KeyUsage};

use super::file;
use super::problem::Problems;
use mfa_gateway_core::clock::{Clock, Timestamp};

/// TLS on a listener: the files it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    certificates: Vec<(PathBuf, PathBuf)>,
    client_ca: Option<PathBuf>,
    client_required: bool,
    client_forward: bool,
    expiries: Vec<(PathBuf, Timestamp)>,
}

/// What a listener needs for TLS.
#[derive(Debug)]
pub struct ServerTls {
    /// The handshake's settings.
    pub config: Arc<ServerConfig>,
    /// Whether upstreams get the client's certificate.
    pub forward_client: bool,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {message}")]
pub struct TlsError {
    file: String,
    message: String,
}

impl Tls {
    /// All files, for noticing that one has changed.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.certificates.iter().flat_map(|(certificate, key)| [certificate, key]).chain(&self.client_ca)
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
        let fail = |error: &dyn fmt::Display| TlsError { file: "TLS".to_owned(), message: error.to_string() };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| fail(&error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(roots(path)?);
                let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
                if !self.client_required {
                    verifier = verifier.allow_unauthenticated();
                }
                builder.with_client_cert_verifier(verifier.build().map_err(|error| fail(&error))?)
            }
        };
        let keys: Result<Vec<_>, _> =
            self.certificates.iter().map(|(certificate, key)| certified(certificate, key, &provider)).collect();
        let mut config = builder.with_cert_resolver(Arc::new(ByName(keys?)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(ServerTls { config: Arc::new(config), forward_client: self.client_forward }))
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

/// When the first certificate in a file expires, if that can be told.
pub(super) fn expiry(path: &PathBuf) -> Option<(PathBuf, Timestamp)> {
    let chain = certificates(path).ok()?;
    let certificate = EndEntityCert::try_from(chain.first()?).ok()?;
    // It has no such call. But at the end of time every certificate has expired, and its verification says when.
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u32::MAX.into()) * 50);
    let usage = KeyUsage::server_auth();
    match certificate.verify_for_usage(&[], &[], &[], at, usage, None, None).err()? {
        webpki::Error::CertExpired { not_after, .. } => {
            Some((path.clone(), Timestamp::from_secs(i64::try_from(not_after.as_secs()).ok()?)))
        }
        _ => None,
    }
}

fn error(path: &std::path::Path, message: impl fmt::Display) -> TlsError {
    TlsError { file: path.display().to_string(), message: message.to_string() }
}

pub(super) fn certified(
    certificate: &PathBuf,
    key: &PathBuf,
    provider: &rustls::crypto::CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|cause| error(key, cause))?;
    let key_of = CertifiedKey::from_der(chain, private, provider)
        .map_err(|cause| error(key, format!("it can't be used with {}: {cause}", certificate.display())))?;
    Ok(Arc::new(key_of))
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|cause| error(path, cause))?.collect();
    match certificates.map_err(|cause| error(path, cause))? {
        none if none.is_empty() => Err(error(path, "there is no certificate in it")),
        some => Ok(some),
    }
}

pub(super) fn roots(path: &PathBuf) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|cause| error(path, cause))?;
    }
    Ok(roots)
}

pub(super) fn build(path: &str, file: &file::Tls, problems: &mut Problems<'_>) -> Option<Tls> {
    if file.certificates.is_empty() {
        let fix = "add one: `{ certificate_file: tls.crt, key_file: tls.key }`";
        problems.add(&format!("{path}.certificates"), "there is no certificate", fix);
        return None;
    }
    let files = |one: &file::Certificate| (PathBuf::from(&one.certificate_file), PathBuf::from(&one.key_file));
    let client = file.client_certificates.as_ref();
    let certificates: Vec<_> = file.certificates.iter().map(files).collect();
    let tls = Tls {
        expiries: certificates.iter().filter_map(|(certificate, _)| expiry(certificate)).collect(),
        certificates,
        client_forward: client.is_some_and(|client| client.forward),
        client_ca: client.map(|client| PathBuf::from(&client.ca_file)),
        client_required: client.is_some_and(|client| client.required.unwrap_or(true)),
    };
    // What can't be loaded now could not be at the start either; so the problem is told with its place.
    match tls.load() {
        Ok(_) => {
            let now = Clock::system().now();
            for (file, expiry) in tls.expiries.iter().filter(|(_, expiry)| *expiry <= now) {
                let message = format!("the certificate in {} expired at {expiry}", file.display());
                problems.warn(&format!("{path}.certificates"), message, "renew it: clients refuse it");
            }
            Some(tls)
        }
        Err(error) => {
            problems.add(path, error.to_string(), "name PEM files that exist, and a key that is the certificate's");
            None
        }
    }
}
