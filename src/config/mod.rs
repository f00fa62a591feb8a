//! Configuration: one YAML file becomes a [`Config`] that is always valid, or a list of all its problems.
//!
//! The file passes three gates, and each reports everything it finds. `tree` parses YAML and remembers where every
//! value stands. `structure` compares the tree with the JSON Schema that is also shipped for editors. `build`
//! makes the typed configuration. Whoever holds a [`Config`] has nothing left to check.

mod address;
mod admin;
mod build;
mod file;
mod issuer;
mod keys;
mod problem;
mod rate_limit;
mod route;
mod settings;
mod structure;
mod tls;
mod traces;
mod tree;
mod upstream;
mod upstream_tls;
mod waivers;

pub use address::Address;
pub use admin::{Admin, AdminAuthentication, Operators};
pub use issuer::Issuer;
pub use problem::{ConfigError, Problem};
pub use rate_limit::{RateLimit, RateLimitKey};
pub use settings::{Config, Expected, Limits, Listener, Log, LogDecisions, Refusals, Timeouts};
pub use structure::schema;
pub use tls::{ServerTls, Tls, TlsError};
pub use upstream::{Protocol, Upstream};
pub use upstream_tls::UpstreamTls;

pub use crate::telemetry::{LogFormat, Output, TraceProtocol, TraceSettings};

pub(crate) use admin::hash;

use std::collections::HashMap;
use std::path::Path;

use problem::Problems;
use tree::Tree;

impl Config {
    /// Reads a file; `${NAME}` in it is taken from the environment.
    ///
    /// # Errors
    ///
    /// All problems of the file, with their places.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::unreadable(&name, &format!("the file can't be read: {error}")))?;
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::parse(&name, &text, environment.collect())
    }

    /// Reads a text. `name` is how problems call it.
    ///
    /// # Errors
    ///
    /// All problems of the text, with their places.
    pub fn parse(name: &str, text: &str, environment: HashMap<String, String>) -> Result<Self, ConfigError> {
        let tree = Tree::parse(text, environment).map_err(|error| ConfigError::yaml(name, text, &error))?;
        let mut problems = Problems::new(&tree);
        structure::check(&tree, &mut problems);
        if problems.is_empty() {
            let document = tree.to_json();
            match serde_json::from_value(document.clone()) {
                Ok(file) => {
                    if let Some(config) = build::build(file, &mut problems) {
                        let warnings = problems.warnings(name, text);
                        return Ok(Self { document, warnings, ..config });
                    }
                }
                Err(error) => problems.add("", error.to_string(), "compare with config/gateway.full.yaml"),
            }
        }
        Err(ConfigError::new(name, text, problems))
    }
}
