//! The directory of stored keys, at the start of the process.

use std::collections::BTreeSet;

use crate::config::Config;

/// Removes what an earlier process left behind, and warns of a directory that no keys are read from.
pub(super) fn tidy(config: &Config) {
    let directories: BTreeSet<_> = config.keys.iter().filter_map(|keys| keys.state_directory.as_deref()).collect();
    for directory in directories {
        match mfa_gateway_keys::sweep(directory) {
            Ok(0) => {}
            Ok(files) => {
                tracing::info!(directory = %directory.display(), files, "left-over temporary files are removed");
            }
            Err(error) => {
                tracing::warn!(field = "state.directory", %error, "stored keys are neither read nor written");
            }
        }
    }
}
