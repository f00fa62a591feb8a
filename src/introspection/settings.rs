//! How an issuer is asked about its opaque tokens.

use std::time::Duration;

use url::Url;

use crate::oidc::ClientSettings;

/// How an issuer is asked about its opaque tokens.
#[derive(Clone, Debug)]
pub(crate) struct IntrospectionSettings {
    /// The issuer: the place in [`crate::config::Config::issuers`].
    pub(crate) issuer: usize,
    /// Where it is asked; if absent, where its metadata says.
    pub(crate) endpoint: Option<Url>,
    /// Who asks.
    pub(crate) client: ClientSettings,
    /// The form of responses.
    pub(crate) form: ResponseForm,
    /// How long a response counts.
    pub(crate) cache: Duration,
    /// How many questions may be under way.
    pub(crate) concurrency: usize,
    /// How many questions may be asked in a second.
    pub(crate) per_second: u32,
}

/// The form of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseForm {
    /// JSON (RFC 7662).
    Json,
    /// A signed token (RFC 9701).
    Jwt,
}

impl ResponseForm {
    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Jwt => "application/token-introspection+jwt",
        }
    }
}
