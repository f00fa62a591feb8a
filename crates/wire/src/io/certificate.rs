//! Certificates and private keys, from PEM files.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage};

use mfa_gateway_files::read;

/// The largest file of certificates. A bundle of all public authorities has a quarter of a megabyte.
const MAX_FILE: u64 = 16 << 20;

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {message}")]
pub struct TlsError {
    file: String,
    message: String,
}

impl TlsError {
    /// What is wrong, if it is with no single file.
    #[must_use]
    pub fn new(message: &dyn fmt::Display) -> Self {
        Self { file: "TLS".to_owned(), message: message.to_string() }
    }

    fn of(file: &Path, message: impl fmt::Display) -> Self {
        Self { file: file.display().to_string(), message: message.to_string() }
    }
}

/// When the first certificate in a file expires, in seconds since 1970, if that can be told.
#[must_use]
pub fn expiry(path: &Path) -> Option<i64> {
    let chain = certificates(path).ok()?;
    let certificate = EndEntityCert::try_from(chain.first()?).ok()?;
    // It has no such call. But at the end of time every certificate has expired, and its verification says when.
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u32::MAX.into()) * 50);
    let usage = KeyUsage::server_auth();
    match certificate.verify_for_usage(&[], &[], &[], at, usage, None, None).err()? {
        webpki::Error::CertExpired { not_after, .. } => i64::try_from(not_after.as_secs()).ok(),
        _ => None,
    }
}

/// A certificate with its chain, and its private key.
///
/// # Errors
///
/// If a file can't be read, or the key isn't the certificate's.
pub fn certified(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = certificates(certificate)?;
    let bytes = read(key, MAX_FILE).map_err(|cause| TlsError::of(key, cause))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|cause| TlsError::of(key, cause))?;
    let key_of = CertifiedKey::from_der(chain, private, provider)
        .map_err(|cause| TlsError::of(key, format!("it can't be used with {}: {cause}", certificate.display())))?;
    Ok(Arc::new(key_of))
}

/// The authorities in a file.
///
/// # Errors
///
/// If the file can't be read, or a certificate in it is no authority's.
pub fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|cause| TlsError::of(path, cause))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path, MAX_FILE).map_err(|cause| TlsError::of(path, cause))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates.map_err(|cause| TlsError::of(path, cause))? {
        none if none.is_empty() => Err(TlsError::of(path, "it contains no certificate")),
        some => Ok(some),
    }
}
