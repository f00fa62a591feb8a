//! How a client at an issuer authenticates, wherever it is written.

use std::path::PathBuf;

use super::{AssertionAudience, ClientAuthentication};

/// The fields for it.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Credentials<'f> {
    pub(in crate::config) authentication: Option<ClientAuthentication>,
    pub(in crate::config) client_secret_file: Option<&'f str>,
    pub(in crate::config) private_key_file: Option<&'f str>,
    pub(in crate::config) certificate_file: Option<&'f str>,
    pub(in crate::config) key_id: Option<&'f str>,
    pub(in crate::config) key_algorithm: Option<&'f str>,
    pub(in crate::config) assertion_audience: AssertionAudience,
}

impl Credentials<'_> {
    /// The files that they are in.
    pub(in crate::config) fn files(self) -> impl Iterator<Item = PathBuf> {
        [self.client_secret_file, self.private_key_file, self.certificate_file].into_iter().flatten().map(PathBuf::from)
    }
}
