//! The protected resources whose metadata the gateway serves.

use schemars::JsonSchema;
use serde::Deserialize;

/// A protected resource (RFC 9728): clients find its issuers at `/.well-known/oauth-protected-resource`, followed by its path.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Resource {
    /// Its identifier: the https URL under which clients know the API, without query and fragment.
    pub resource: String,
    /// Its name for people.
    pub name: Option<String>,
    /// The URL of its documentation for developers.
    pub documentation: Option<String>,
    /// The scopes that clients may ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The issuers, as URLs. Default: those of `issuers` whose access tokens are accepted.
    pub authorization_servers: Option<Vec<String>>,
}
