//! Inner parsers that meet a stranger's bytes, for the properties and the fuzz targets (`tests/fuzz/`). No interface.

use http::HeaderMap;
use url::Url;

/// What hyper's parser would see of what a client sends in parts of this size, and whether some of it was refused.
#[must_use]
pub fn guarded(bytes: &[u8], part: usize) -> (Vec<u8>, bool) {
    let (seen, refused) = crate::net::guarded(bytes, part);
    (seen, refused.is_some())
}

/// Removes the fields of a client's that only the gateway may set, and those of the connection.
pub fn sanitize(headers: &mut HeaderMap) {
    crate::net::headers::remove_hop_by_hop(headers);
    crate::net::headers::remove_guarded(headers);
}

/// Where the keys are, as this discovery document of this issuer says.
#[must_use]
pub fn discovery(document: &[u8], issuer: &str) -> Option<Url> {
    crate::oidc::read(document, issuer).ok()
}
