//! TLS to an upstream: its roots, its name, and who the gateway is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;

use super::file;
use super::problem::Problems;
use super::tls::{TlsError, certified, expiry, roots};
use mfa_gateway_core::clock::Timestamp;

/// TLS to an upstream, with what was in its files. Two are the same if their files hold the same.
#[derive(Clone)]
pub struct UpstreamTls {
    /// The name that certificates must be valid for, and that is asked for; else the endpoint's host.
    pub server_name: Option<ServerName<'static>>,
    /// The only authorities that may have issued them; else the system's.
    pub roots: Option<Arc<RootCertStore>>,
    /// The certificate that the gateway shows when it is asked for one.
    pub identity: Option<Arc<CertifiedKey>>,
    ca_file: Option<PathBuf>,
    identity_files: Option<(PathBuf, PathBuf)>,
    contents: [u8; 32],
    expiry: Option<(PathBuf, Timestamp)>,
}

impl UpstreamTls {
    /// All files, for noticing that one has changed.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.ca_file.iter().chain(self.identity_files.iter().flat_map(|(certificate, key)| [certificate, key]))
    }

    /// When the gateway's certificate expires.
    pub(crate) fn expiries(&self) -> &[(PathBuf, Timestamp)] {
        self.expiry.as_slice()
    }

    fn load(mut self) -> Result<Self, TlsError> {
        // What the files hold is taken first: if they change meanwhile, that is noticed later.
        let mut contents = Context::new(&SHA256);
        for file in self.files() {
            let bytes = std::fs::read(file).unwrap_or_default();
            contents.update(&bytes.len().to_be_bytes());
            contents.update(&bytes);
        }
        self.contents.copy_from_slice(contents.finish().as_ref());
        self.roots = self.ca_file.as_ref().map(roots).transpose()?.map(Arc::new);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let identity = self.identity_files.as_ref().map(|(certificate, key)| certified(certificate, key, &provider));
        self.identity = identity.transpose()?;
        self.expiry = self.identity_files.as_ref().and_then(|(certificate, _)| expiry(certificate));
        Ok(self)
    }
}

impl PartialEq for UpstreamTls {
    fn eq(&self, other: &Self) -> bool {
        self.contents == other.contents && self.server_name == other.server_name && self.files().eq(other.files())
    }
}

impl Eq for UpstreamTls {}

impl fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files().collect();
        f.debug_struct("UpstreamTls")
            .field("server_name", &self.server_name)
            .field("files", &files)
            .finish_non_exhaustive()
    }
}

pub(super) fn build(
    path: &str,
    file: &file::UpstreamTls,
    endpoints: &[Uri],
    problems: &mut Problems<'_>,
) -> Option<UpstreamTls> {
    if endpoints.iter().any(|endpoint| endpoint.scheme_str() == Some("http")) {
        let message = "there are settings for TLS, but an endpoint that is spoken to without it";
        problems.add(path, message, "write `https://` in every endpoint, or remove `tls`");
    }
    let server_name = file.server_name.as_ref().and_then(|name| {
        let parsed = ServerName::try_from(name.clone()).ok();
        if parsed.is_none() {
            let message = "this is not a host name or an IP address";
            problems.add(&format!("{path}.server_name"), message, "write the name in the upstream's certificate");
        }
        parsed
    });
    let identity_files = match (&file.certificate_file, &file.key_file) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => {
            let message = "a certificate and its key belong together, and one of them is missing";
            problems.add(path, message, "set both `certificate_file` and `key_file`, or neither");
            None
        }
    };
    let ca_file = file.ca_file.as_ref().map(PathBuf::from);
    let (roots, identity, contents, expiry) = (None, None, [0; 32], None);
    let tls = UpstreamTls { server_name, roots, identity, ca_file, identity_files, contents, expiry };
    match tls.load() {
        Ok(tls) => Some(tls),
        Err(error) => {
            problems.add(path, error.to_string(), "name PEM files that exist, and a key that is the certificate's");
            None
        }
    }
}
