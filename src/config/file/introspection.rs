//! Introspection: how an issuer is asked about tokens that only it can read.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AssertionAudience, ClientAuthentication, Credentials};

/// How an issuer is asked about opaque tokens (RFC 7662). One issuer alone can have it: such tokens don't name theirs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Introspection {
    /// Where the issuer is asked. Default: `introspection_endpoint` of its discovery document.
    pub endpoint: Option<String>,
    /// The gateway's client id at the issuer.
    pub client_id: String,
    /// A file with the client's secret.
    pub client_secret_file: Option<String>,
    /// A PEM file with the client's private key, for `private_key_jwt`.
    pub private_key_file: Option<String>,
    /// A PEM file with the certificate of that key, if the issuer knows the key by it.
    pub certificate_file: Option<String>,
    /// The name (`kid`) by which the issuer knows the private key.
    pub key_id: Option<String>,
    /// The algorithm that the private key signs with: `RS256` or `PS256` for RSA, that of its curve for EC. Default `RS256`.
    pub key_algorithm: Option<String>,
    /// Whom an assertion is for: the `token_endpoint` or the `issuer`. Default `token_endpoint`.
    #[serde(default)]
    pub assertion_audience: AssertionAudience,
    /// How the client authenticates. Default: `private_key_jwt` with a private key, `basic` with a secret.
    pub authentication: Option<ClientAuthentication>,
    /// The form of responses: `json`, or `jwt` for signed ones (RFC 9701). Default `json`.
    pub response: Option<IntrospectionResponse>,
    /// How long a response counts, at most until the token expires. Default `30s`.
    pub cache: Option<String>,
    /// The deadline of one question. Default `2s`.
    pub timeout: Option<String>,
    /// How many questions may be under way, from 1 to 1000. Default 32.
    pub concurrency: Option<u32>,
    /// How many questions may be asked in a second, from 1 to 100000. Default 200.
    pub requests_per_second: Option<u32>,
}

/// The form of responses.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum IntrospectionResponse {
    /// JSON (RFC 7662).
    Json,
    /// A signed token (RFC 9701).
    Jwt,
}

impl Introspection {
    /// The fields for the client's authentication.
    pub(in crate::config) fn credentials(&self) -> Credentials<'_> {
        Credentials {
            authentication: self.authentication,
            client_secret_file: self.client_secret_file.as_deref(),
            private_key_file: self.private_key_file.as_deref(),
            certificate_file: self.certificate_file.as_deref(),
            key_id: self.key_id.as_deref(),
            key_algorithm: self.key_algorithm.as_deref(),
            assertion_audience: self.assertion_audience,
        }
    }
}
