//! The issuers: their keys, how old those are, and what went wrong.

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::respond::Json;
use mfa_gateway_core::token::Key;
use mfa_gateway_keys::KeyLocation;
use mfa_gateway_keys::{KeySource, Origin};

/// All issuers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct IssuersAnswer {
    /// One entry per key source.
    issuers: Vec<IssuerDetail>,
}

/// The state of an issuer's keys.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IssuerState {
    /// The name. An Entra issuer has two key sources, `name v1.0` and `name v2.0`.
    issuer: String,
    /// The number of usable keys.
    keys: usize,
    /// The number of unusable entries in the key set.
    skipped_keys: usize,
    /// Why they are not used: a sentence for each of the first 20 entries, and for the rest together.
    skipped: Vec<String>,
    /// Where the keys come from: `issuer`, the configured `file`, or `disk` since the last restart; `null` if there are
    /// none.
    #[schemars(extend("enum" = ["issuer", "file", "disk", null]))]
    source: Option<&'static str>,
    /// The time of the last successful fetch (RFC 3339).
    fetched: Option<String>,
    /// The time since then.
    age_seconds: Option<u64>,
    /// The age at which the gateway stops using them.
    max_stale_seconds: u64,
    /// The number of failed attempts in a row.
    failures: u32,
    /// The error of the last attempt, if it failed.
    last_error: Option<String>,
    /// The time of the next attempt, unless a token with an unknown key causes an earlier one (RFC 3339).
    next_refresh: Option<String>,
}

/// An issuer's key source in detail.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct IssuerDetail {
    #[serde(flatten)]
    state: IssuerState,
    /// The URL of the discovery document; `null` if `jwksUri` or `jwksFile` is configured.
    discovery: Option<String>,
    /// The configured URL of the key set; `null` if the discovery document gives it, or it is in a file.
    jwks_uri: Option<String>,
    /// The configured file of the key set; `null` if there is none.
    jwks_file: Option<String>,
    /// The usable keys.
    key_set: Vec<KeyDetail>,
}

/// A public key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct KeyDetail {
    /// Its id; `null` if it has none.
    kid: Option<String>,
    /// The algorithms whose signatures it may verify.
    algorithms: Vec<&'static str>,
}

impl IssuerState {
    pub(super) fn of(source: &KeySource) -> Self {
        let status = source.status();
        Self {
            issuer: source.name().to_owned(),
            keys: status.keys,
            skipped_keys: status.skipped.count(),
            skipped: status.skipped.reasons(),
            source: status.origin.map(Origin::name),
            fetched: status.fetched.map(|at| at.to_string()),
            age_seconds: source.age().map(|age| age.as_secs()),
            max_stale_seconds: source.settings().max_stale.as_secs(),
            failures: status.failures,
            last_error: status.last_error,
            next_refresh: status.next_refresh.map(|at| at.to_string()),
        }
    }
}

/// All issuers and their keys.
pub(super) async fn issuers(State(admin): State<Arc<Admin>>) -> Json<IssuersAnswer> {
    let issuers = admin.sources.load().iter().map(|source| detail(source)).collect();
    Json(IssuersAnswer { issuers })
}

fn detail(source: &KeySource) -> IssuerDetail {
    let (discovery, jwks_uri, jwks_file) = match &source.settings().location {
        KeyLocation::Jwks(url) => (None, Some(url.to_string()), None),
        KeyLocation::Discovery { url, .. } => (Some(url.to_string()), None, None),
        KeyLocation::File(path) => (None, None, Some(path.display().to_string())),
        KeyLocation::Given => (None, None, None),
    };
    let keys = source.current();
    let key = |key: &Arc<Key>| KeyDetail { kid: key.kid().map(str::to_owned), algorithms: key.algorithms() };
    let mut key_set: Vec<KeyDetail> = keys.iter().flat_map(|keys| keys.iter()).map(key).collect();
    key_set.sort_by(|one, other| one.kid.cmp(&other.kid));
    IssuerDetail { state: IssuerState::of(source), discovery, jwks_uri, jwks_file, key_set }
}
