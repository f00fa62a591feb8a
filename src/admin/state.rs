//! What a configuration becomes for the admin listener.

use std::fmt::Write;

use std::sync::Arc;

use super::access::Access;
use crate::config::{Config, hash};
use mfa_gateway_core::clock::Timestamp;

/// The configuration in use, and what is known of its loading. Swapped as a whole.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Arc<Config>,
    pub(crate) access: Access,
    /// How many configurations were taken into use, this one included.
    pub(crate) generation: u64,
    pub(crate) loaded: Timestamp,
    /// The changes that take effect only after a restart.
    pub(crate) needs_restart: Vec<&'static str>,
}

impl State {
    /// The host names that the listener may be asked for, besides `localhost` and IP addresses.
    pub(super) fn hosts(&self) -> &[String] {
        self.config.admin.as_ref().map_or(&[], |admin| &admin.hosts)
    }

    /// Whether everyone may read details.
    pub(super) fn open_details(&self) -> bool {
        self.config.admin.as_ref().is_some_and(|admin| admin.open_details)
    }

    /// The SHA-256 of the configuration's content, with variables replaced: gateways with the same one are configured
    /// alike.
    pub(crate) fn hash(&self) -> String {
        hash(&self.config.document.to_string()).iter().fold(String::new(), |mut text, byte| {
            // Writing to a string doesn't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
