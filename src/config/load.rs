//! From a file's text to the configuration, by way of the three gates.

use std::collections::HashMap;
use std::path::Path;
use std::string::FromUtf8Error;

use super::problem::Problems;
use super::surroundings::{self, Purpose};
use super::tree::Tree;
use super::{Config, ConfigError, build, structure};

/// The largest configuration file: a hundred thousand routes.
const MAX_FILE: u64 = 32 << 20;

impl Config {
    /// Reads a file; `${NAME}` in it is taken from the environment.
    ///
    /// # Errors
    ///
    /// All problems of the file, with their places.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_to(Purpose::Judge, path)
    }

    /// The same, with what its purpose asks of this machine.
    ///
    /// # Errors
    ///
    /// All problems of the file and around it, with their places.
    pub fn load_to(purpose: Purpose, path: &Path) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        Self::read(&path.display().to_string(), &text, environment(), purpose)
    }

    /// Reads a text. `name` is how problems call it.
    ///
    /// # Errors
    ///
    /// All problems of the text, with their places.
    pub fn parse(name: &str, text: &str, environment: HashMap<String, String>) -> Result<Self, ConfigError> {
        Self::read(name, text, environment, Purpose::Judge)
    }

    fn read(
        name: &str,
        text: &str,
        environment: HashMap<String, String>,
        purpose: Purpose,
    ) -> Result<Self, ConfigError> {
        let tree = Tree::parse(text, environment).map_err(|error| ConfigError::yaml(name, text, &error))?;
        let mut problems = Problems::new(&tree);
        structure::check(&tree, text, &mut problems);
        if problems.is_empty() {
            let document = tree.to_json();
            match serde_json::from_value(document.clone()) {
                Ok(file) => {
                    let config = build::build(file, &document, &mut problems);
                    let config = config.inspect(|config| surroundings::check(config, purpose, &mut problems));
                    if let Some(config) = config.filter(|_| problems.is_empty()) {
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

/// The text of a configuration file.
pub(super) fn read_file(path: &Path) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let bytes = mfa_gateway_files::read(path, MAX_FILE).map_err(|error| {
        let message = format!("the file can't be read: {error}");
        ConfigError::unreadable(&name, &message, "name an existing, readable file with --config")
    })?;
    String::from_utf8(bytes).map_err(|error| not_utf8(&name, &error))
}

/// The environment's variables that are text.
pub(super) fn environment() -> HashMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Says where a file isn't UTF-8.
fn not_utf8(name: &str, error: &FromUtf8Error) -> ConfigError {
    let bytes = error.as_bytes();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return ConfigError::unreadable(name, "the file is in UTF-16", "save it as UTF-8");
    }
    let valid = bytes.get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line = valid.split(|byte| *byte == b'\n').count();
    let message = format!("the file is not in UTF-8: line {line} has a character in another encoding");
    ConfigError::unreadable(name, &message, "save it as UTF-8")
}
