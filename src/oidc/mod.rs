//! OpenID Connect Discovery 1.0: where an issuer's keys are.

use serde::Deserialize;
use url::Url;

use crate::net::{FetchError, Fetcher};

/// Why discovery failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// The document could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It isn't a discovery document.
    #[error("the discovery document is not JSON with `issuer` and `jwks_uri`")]
    Malformed(#[from] serde_json::Error),
    /// It is another issuer's (section 4.3).
    #[error("the discovery document is for another issuer than {expected}")]
    WrongIssuer {
        /// The configured issuer.
        expected: String,
    },
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Url,
}

/// Fetches a discovery document and tells where the keys of `issuer` are.
///
/// # Errors
///
/// If it can't be fetched, or isn't this issuer's: `issuer` must stand in it exactly.
pub(crate) async fn jwks_uri(fetcher: &Fetcher, url: &Url, issuer: &str) -> Result<Url, DiscoveryError> {
    let answer = fetcher.get(url).await?;
    let metadata: Metadata = serde_json::from_slice(&answer.document)?;
    if metadata.issuer != issuer {
        return Err(DiscoveryError::WrongIssuer { expected: issuer.to_owned() });
    }
    Ok(metadata.jwks_uri)
}
