//! The certificates that the gateway shows, and when they expire.

use std::path::PathBuf;

use super::Config;
use crate::server::Tls;
use crate::upstream;
use mfa_gateway_core::clock::Timestamp;

/// A certificate of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who shows it: `listener`, `admin` or `upstream`.
    pub of: &'static str,
    /// The address of the listener, or the name of the upstream.
    pub name: String,
    /// The file.
    pub file: String,
    /// When it expires.
    pub expires: Timestamp,
}

impl Config {
    /// All of them.
    #[must_use]
    pub fn certificates(&self) -> Vec<Certificate> {
        let shown = |of, name: String, expiries: &[(PathBuf, Timestamp)]| {
            let one = |(file, expires): &(PathBuf, Timestamp)| Certificate {
                of,
                name: name.clone(),
                file: file.display().to_string(),
                expires: *expires,
            };
            expiries.iter().map(one).collect::<Vec<_>>()
        };
        let listeners = self.server.listeners.iter().map(|one| ("listener", one.address.to_string(), one.tls.as_ref()));
        let admin = self.admin.iter().map(|one| ("admin", one.address.to_string(), one.tls.as_ref()));
        let authorizers = self.authorizers.iter();
        let authorizers =
            authorizers.map(|one| ("authorizer", one.listener.address.to_string(), one.listener.tls.as_ref()));
        let servers = listeners.chain(admin).chain(authorizers);
        let servers = servers.flat_map(|(of, name, tls)| shown(of, name, tls.map(Tls::expiries).unwrap_or_default()));
        let upstreams = self.upstreams.iter().flat_map(|one| {
            shown("upstream", one.name.clone(), one.tls.as_ref().map(upstream::Tls::expiries).unwrap_or_default())
        });
        servers.chain(upstreams).collect()
    }
}
