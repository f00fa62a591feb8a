//! OpenID Connect Discovery 1.0: where an issuer's keys are.

use serde::Deserialize;
use url::Url;

use crate::clients::is_loopback;
use crate::fetch::{FetchError, Fetcher};

/// The maximum length of another issuer's name in an error.
const MAX_FOUND: usize = 256;

/// Why discovery failed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It isn't a discovery document.
    #[error("the discovery document is not JSON with `issuer` and `jwks_uri`")]
    Malformed(#[from] serde_json::Error),
    /// It is another issuer's (section 4.3).
    #[error("the discovery document names the issuer {found:?}, but {expected:?} is configured")]
    WrongIssuer {
        /// The configured issuer.
        expected: String,
        /// What the document says, or its beginning.
        found: String,
    },
    /// Its `jwks_uri` must not be fetched from.
    #[error("its `jwks_uri` is not usable")]
    KeyAddress(#[source] FetchError),
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
/// If it can't be fetched, or isn't this issuer's: `issuer` must stand in it exactly. Or if it names a place where keys
/// must not come from.
pub(crate) async fn jwks_uri(fetcher: &Fetcher, url: &Url, issuer: &str) -> Result<Url, DiscoveryError> {
    let document = fetcher.get(url).await?;
    let jwks_uri = read(&document.bytes, issuer)?;
    fetcher.check(&jwks_uri).map_err(DiscoveryError::KeyAddress)?;
    // Loopback belongs to this machine: a remote issuer must not make the gateway send requests there.
    let downgrade = jwks_uri.scheme() == "http" && !is_loopback(url) && !fetcher.allows_http();
    if downgrade {
        let origin = jwks_uri.origin().ascii_serialization();
        return Err(DiscoveryError::KeyAddress(FetchError::Insecure(origin)));
    }
    Ok(jwks_uri)
}

/// Reads where the keys are from a discovery document of this very issuer.
pub fn read(document: &[u8], issuer: &str) -> Result<Url, DiscoveryError> {
    // Some editors write a byte order mark, which RFC 8259 section 8.1 lets a reader ignore.
    let document = document.strip_prefix("\u{feff}".as_bytes()).unwrap_or(document);
    let Metadata { issuer: found, jwks_uri } = serde_json::from_slice(document)?;
    if found == issuer {
        return Ok(jwks_uri);
    }
    // The text is untrusted, and ends up in a log.
    let found = found.chars().take(MAX_FOUND).collect();
    Err(DiscoveryError::WrongIssuer { expected: issuer.to_owned(), found })
}
