//! OpenID Connect Discovery 1.0: where an issuer's keys and endpoints are.

use serde::Deserialize;
use url::Url;

use crate::clients::is_loopback;
use crate::fetch::{FetchError, Fetcher};
use crate::metadata::{Metadata, without_mark};

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

/// What keys need of a discovery document. The rest of it may be anything.
#[derive(Deserialize)]
struct Needed {
    issuer: String,
    jwks_uri: Url,
}

/// What a discovery document says.
pub(crate) struct Discovered {
    /// Where the keys are.
    pub(crate) jwks_uri: Url,
    /// Everything else.
    pub(crate) metadata: Metadata,
}

/// Fetches a discovery document of `issuer`.
///
/// # Errors
///
/// If it can't be fetched, or isn't this issuer's: `issuer` must stand in it exactly. Or if it names a place where keys
/// must not come from. The other places matter only to those who ask for them.
pub(crate) async fn discover(fetcher: &Fetcher, url: &Url, issuer: &str) -> Result<Discovered, DiscoveryError> {
    let document = fetcher.get(url).await?;
    let jwks_uri = read(&document.bytes, issuer)?;
    let check = |found: &Url| check(fetcher, url, found);
    check(&jwks_uri).map_err(DiscoveryError::KeyAddress)?;
    Ok(Discovered { jwks_uri, metadata: Metadata::read(&document.bytes, issuer, check) })
}

/// Whether an address may be used that stands in the document at `document`.
fn check(fetcher: &Fetcher, document: &Url, found: &Url) -> Result<(), FetchError> {
    fetcher.check(found)?;
    // Loopback belongs to this machine: a remote issuer must not make the gateway send requests there.
    let downgrade = found.scheme() == "http" && !is_loopback(document) && !fetcher.allows_http();
    if downgrade { Err(FetchError::Insecure(found.origin().ascii_serialization())) } else { Ok(()) }
}

/// Reads where the keys are from a discovery document of this very issuer.
pub fn read(document: &[u8], issuer: &str) -> Result<Url, DiscoveryError> {
    let Needed { issuer: found, jwks_uri } = serde_json::from_slice(without_mark(document))?;
    if found == issuer {
        return Ok(jwks_uri);
    }
    // The text is untrusted, and ends up in a log.
    let found = found.chars().take(MAX_FOUND).collect();
    Err(DiscoveryError::WrongIssuer { expected: issuer.to_owned(), found })
}
