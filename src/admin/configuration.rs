//! The configuration in use.

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::context::Admin;
use super::respond::Json;
use crate::config::Config;
use crate::telemetry::{COMMIT, VERSION};

/// The replacement for a hidden value.
const REDACTED: &str = "[redacted]";

/// Words in a field's name that make its value a secret. None of today's fields has one: they name files.
const SECRET: [&str; 4] = ["password", "secret", "token", "credential"];

/// The configuration in use.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ConfigAnswer {
    /// The gateway's version.
    version: &'static str,
    /// The commit that it is built from, or `unknown`.
    commit: &'static str,
    /// The generation: 1 at the start, one more for each reload.
    generation: u64,
    /// The SHA-256 of its content, with variables replaced.
    hash: String,
    /// When it was loaded (RFC 3339).
    loaded: String,
    /// The changes that take effect only after a restart.
    needs_restart: Vec<&'static str>,
    /// The warnings, as `check` shows them.
    warnings: Vec<String>,
    /// The file's content, with variables replaced and without secrets. Absent fields have their defaults.
    #[schemars(with = "Map<String, Value>")]
    configuration: Value,
}

/// The configuration in use, without secrets.
pub(super) async fn config(State(admin): State<Arc<Admin>>) -> Json<ConfigAnswer> {
    let state = admin.state.load();
    Json(ConfigAnswer {
        version: VERSION,
        commit: COMMIT,
        generation: state.generation,
        hash: state.hash(),
        loaded: state.loaded.to_string(),
        needs_restart: state.needs_restart.clone(),
        warnings: state.config.warnings.iter().map(ToString::to_string).collect(),
        configuration: shown(&state.config),
    })
}

/// The file's content without secrets.
pub(super) fn shown(config: &Config) -> Value {
    redacted(&config.document)
}

/// The same without secrets: values of fields that are named like one, and what stands before the `@` of a URL.
fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), member(name, value))).collect())
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::String(text) => match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => REDACTED.into(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn member(name: &str, value: &Value) -> Value {
    let secret = SECRET.iter().any(|word| name.contains(word)) && !name.ends_with("_file");
    if secret && value.is_string() { REDACTED.into() } else { redacted(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_shown_wherever_they_stand_and_files_and_addresses_are() {
        let shown = redacted(&json!({
            "state": {"password": "p1", "client_secret": "p2", "urls": ["redis://user:p3@host/", "redis://:p4@host"]},
            "token_file": "/etc/tokens", "token_cache": {"max_bytes": 1}, "endpoints": ["http://host:1"],
            "key_file": "/etc/key.pem", "audiences": ["api://partner"], "list": [{"token": "p5"}],
        }));
        let text = shown.to_string();
        assert!(["p1", "p2", "p3", "p4", "p5"].iter().all(|secret| !text.contains(secret)), "{text}");
        assert_eq!(text.matches(REDACTED).count(), 5);
        for kept in ["/etc/tokens", "http://host:1", "/etc/key.pem", "api://partner", "\"max_bytes\":1"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
