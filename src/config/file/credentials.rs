//! How a client at an issuer authenticates, wherever it is written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The fields for it.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Credentials<'f> {
    pub(in crate::config) authentication: Option<ClientAuthentication>,
    pub(in crate::config) client_secret_file: Option<&'f str>,
    pub(in crate::config) private_key_file: Option<&'f str>,
    pub(in crate::config) certificate_file: Option<&'f str>,
    pub(in crate::config) key_id: Option<&'f str>,
    pub(in crate::config) key_algorithm: Option<&'f str>,
    pub(in crate::config) assertion_audience: AssertionAudience,
}

impl Credentials<'_> {
    /// The files that they are in.
    pub(in crate::config) fn files(self) -> impl Iterator<Item = PathBuf> {
        [self.client_secret_file, self.private_key_file, self.certificate_file].into_iter().flatten().map(PathBuf::from)
    }
}

/// How a client authenticates.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ClientAuthentication {
    /// With its secret in the `Authorization` field (`client_secret_basic`).
    Basic,
    /// With its secret in the form (`client_secret_post`).
    Post,
    /// With a signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: a public client, which PKCE alone protects.
    None,
}

/// Whom an assertion is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AssertionAudience {
    /// The address of the token endpoint, which Entra requires.
    #[default]
    TokenEndpoint,
    /// The issuer.
    Issuer,
}
