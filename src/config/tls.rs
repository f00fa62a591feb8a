//! TLS on a listener: which files, and what they make.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use webpki::EndEntityCert;

use super::file;
use super::problem::Problems;

/// TLS on a listener: the files it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    certificates: Vec<(PathBuf, PathBuf)>,
    client_ca: Option<PathBuf>,
    client_required: bool,
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

    /// Reads the files and makes what a listener needs.
    ///
    /// # Errors
    ///
    /// If a file can't be read or used, or a key isn't that of its certificate.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
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
        Ok(Arc::new(config))
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
    let tls = Tls {
        certificates: file.certificates.iter().map(files).collect(),
        client_ca: client.map(|client| PathBuf::from(&client.ca_file)),
        client_required: client.is_some_and(|client| client.required.unwrap_or(true)),
    };
    // What can't be loaded now could not be at the start either; so the problem is told with its place.
    match tls.load() {
        Ok(_) => Some(tls),
        Err(error) => {
            problems.add(path, error.to_string(), "name PEM files that exist, and a key that is the certificate's");
            None
        }
    }
}
