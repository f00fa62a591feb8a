//! The signed assertions, from the file to what is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::file;
use super::problem::Problems;
use super::values::time;
use crate::gateway::Assertions;
use crate::oidc::SigningKey;

/// The largest file of a key.
const MAX_FILE: u64 = 1 << 20;

/// Builds what signs them. Those who are to get them need the section.
pub(super) fn build(file: &file::File, problems: &mut Problems<'_>) -> Option<Arc<Assertions>> {
    let Some(section) = &file.assertion else {
        let authorizers = file.authorizers.iter().map(|one| one.assertion).enumerate();
        let upstreams = file.upstreams.iter().map(|one| one.assertion).enumerate();
        let fields = authorizers.map(|one| ("authorizers", one)).chain(upstreams.map(|one| ("upstreams", one)));
        for (list, (at, _)) in fields.filter(|(_, (_, wanted))| *wanted) {
            let fix = "add the section `assertion` with its `key_files` and `audience`";
            problems.add(&format!("{list}[{at}].assertion"), "there is nothing to sign an assertion with", fix);
        }
        return None;
    };
    Some(Arc::new(read(section, problems)))
}

/// Reads the keys, and what assertions say.
fn read(file: &file::Assertion, problems: &mut Problems<'_>) -> Assertions {
    const FIX: &str = "write an EC key in PEM: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`";
    if file.key_files.is_empty() {
        problems.add("assertion.key_files", "there is no key", FIX);
    }
    if file.audience.is_empty() {
        problems.add("assertion.audience", "this is empty", "write what the backends call themselves");
    }
    let mut keys = Vec::new();
    for (at, name) in file.key_files.iter().enumerate() {
        let read = mfa_gateway_files::read(Path::new(name), MAX_FILE).map_err(|error| error.to_string());
        match read.and_then(|key| SigningKey::parse_published(&key).map_err(|error| error.to_string())) {
            Ok(key) => keys.push(key),
            Err(error) => {
                problems.add(&format!("assertion.key_files[{at}]"), format!("{name} can't be used: {error}"), FIX);
            }
        }
    }
    let range = Duration::from_secs(5)..=Duration::from_secs(300);
    let lifetime = file.lifetime.as_deref();
    Assertions {
        keys,
        issuer: file.issuer.clone().unwrap_or_else(|| "mfa-gateway".to_owned()),
        audience: file.audience.clone(),
        lifetime: time("assertion.lifetime", lifetime, Duration::from_secs(60), range, problems),
    }
}

/// The files of the keys.
pub(super) fn key_files(assertion: Option<&file::Assertion>) -> Vec<PathBuf> {
    assertion.into_iter().flat_map(|file| file.key_files.iter().map(PathBuf::from)).collect()
}
