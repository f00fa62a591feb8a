//! TLS to an upstream: its roots, its name, and who the gateway is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_wire::certificate::{TlsError, certified, expiry, roots};

/// The largest file that is read.
const MAX_FILE: u64 = 16 << 20;

/// TLS to an upstream, with what was in its files. Two are the same if their files hold the same.
#[derive(Clone)]
pub struct Tls {
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

impl Tls {
    /// Reads the files: of the authorities, and of the gateway's certificate and its key.
    ///
    /// # Errors
    ///
    /// If a file can't be read or used, or the key isn't the certificate's.
    pub(crate) fn load(
        server_name: Option<ServerName<'static>>,
        ca_file: Option<PathBuf>,
        identity_files: Option<(PathBuf, PathBuf)>,
    ) -> Result<Self, TlsError> {
        let (roots, identity, contents, expiry) = (None, None, [0; 32], None);
        Self { server_name, roots, identity, ca_file, identity_files, contents, expiry }.read()
    }

    /// All files, for noticing that one has changed.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.ca_file.iter().chain(self.identity_files.iter().flat_map(|(certificate, key)| [certificate, key]))
    }

    /// When the gateway's certificate expires.
    pub(crate) fn expiries(&self) -> &[(PathBuf, Timestamp)] {
        self.expiry.as_slice()
    }

    fn read(mut self) -> Result<Self, TlsError> {
        // What the files hold is taken first: if they change meanwhile, that is noticed later.
        let mut contents = Context::new(&SHA256);
        for file in self.files() {
            let bytes = mfa_gateway_files::read(file, MAX_FILE).unwrap_or_default();
            contents.update(&bytes.len().to_be_bytes());
            contents.update(&bytes);
        }
        self.contents.copy_from_slice(contents.finish().as_ref());
        self.roots = self.ca_file.as_deref().map(roots).transpose()?.map(Arc::new);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let identity = self.identity_files.as_ref().map(|(certificate, key)| certified(certificate, key, &provider));
        self.identity = identity.transpose()?;
        let expiry = |path: &PathBuf| Some((path.clone(), Timestamp::from_secs(expiry(path)?)));
        self.expiry = self.identity_files.as_ref().and_then(|(certificate, _)| expiry(certificate));
        Ok(self)
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.contents == other.contents && self.server_name == other.server_name && self.files().eq(other.files())
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files().collect();
        f.debug_struct("Tls").field("server_name", &self.server_name).field("files", &files).finish_non_exhaustive()
    }
}
