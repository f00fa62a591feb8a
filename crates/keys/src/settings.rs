//! What the configuration says of an issuer's keys.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use url::Url;

/// How the keys of an issuer are fetched and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// The name in logs and metrics.
    pub name: String,
    /// Where they are.
    pub location: KeyLocation,
    /// The time between refreshes.
    pub refresh_interval: Duration,
    /// How long the last good keys stay in use without a successful refresh.
    pub max_stale: Duration,
    /// The deadline of one fetch.
    pub timeout: Duration,
    /// Whether `http` is allowed beyond loopback.
    pub allow_http: bool,
    /// The file of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// What was in it, so that settings differ when the file does.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The directory for the last good keys.
    pub state_directory: Option<PathBuf>,
    /// How many requests may wait for these keys at once.
    pub max_waiting: usize,
}

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyLocation {
    /// At this address.
    Jwks(Url),
    /// Where the issuer's discovery document says.
    Discovery {
        /// The document's address.
        url: Url,
        /// The `issuer` that must stand in it, exactly.
        issuer: String,
    },
    /// In this file.
    File(PathBuf),
    /// Nowhere: they were given, and stay as they are.
    Given,
}

impl KeySettings {
    /// Whether one source can serve both: they differ in name only.
    #[must_use]
    pub fn same_source(&self, other: &Self) -> bool {
        // The address first: a copy for every pair of a thousand issuers takes seconds.
        self.location == other.location && Self { name: other.name.clone(), ..self.clone() } == *other
    }
}
