//! The files that a configuration is made of, and what was in them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::server::Tls;
use crate::upstream;

/// The largest file that is looked at. No larger one can be used.
const MAX_FILE: u64 = 32 << 20;

/// The files a configuration is made of, and what was in them.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(super) path: PathBuf,
    seen: u64,
}

impl Watched {
    /// Remembers what is in the files now.
    pub(crate) fn new(path: &Path, config: &Config) -> Self {
        Self { path: path.to_owned(), seen: digest(path, config) }
    }

    /// What is in the files now, and whether that is something else than was seen.
    pub(super) fn look(&self, config: &Config) -> (u64, bool) {
        let now = digest(&self.path, config);
        (now, now != self.seen)
    }

    /// Remembers what was looked at before the files were read, so that a change meanwhile is noticed next time; unless
    /// the new configuration names other files.
    pub(super) fn read(&mut self, looked: u64, before: &Config, after: &Config) {
        self.seen = if files(before).eq(files(after)) { looked } else { digest(&self.path, after) };
    }
}

/// The files that a configuration names.
fn files(config: &Config) -> impl Iterator<Item = &Path> {
    let admin = config.admin.as_ref();
    let certificates = config.server.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let certificates = certificates.chain(config.authorizers.iter().filter_map(|one| one.listener.tls.as_ref()));
    let certificates = certificates.chain(admin.and_then(|admin| admin.tls.as_ref()));
    let tokens = admin.and_then(|admin| admin.authentication.as_ref()?.token_file.as_deref());
    let authorities = config.keys.iter().filter_map(|keys| keys.ca_file.as_deref());
    let upstreams = config.upstreams.iter().filter_map(|upstream| upstream.tls.as_ref());
    let certificates = certificates.flat_map(Tls::files);
    let certificates = certificates.chain(upstreams.flat_map(upstream::Tls::files));
    let traces = config.traces.iter().flat_map(|traces| traces.files.iter().map(PathBuf::as_path));
    let edits = config.routes.iter().flat_map(|route| [&route.request_fields, &route.response_fields]);
    let values = edits.flatten().flat_map(|edits| edits.files.iter().map(PathBuf::as_path));
    let sign_ins = config.sign_in_files.iter().map(PathBuf::as_path);
    certificates.map(PathBuf::as_path).chain(authorities).chain(tokens).chain(traces).chain(values).chain(sign_ins)
}

/// What is in the configuration file and the files it names. A file that can't be read counts as empty.
fn digest(path: &Path, config: &Config) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in std::iter::once(path).chain(files(config)) {
        mfa_gateway_files::read(file, MAX_FILE).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
