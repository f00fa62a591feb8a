//! How a route uses a consent: its upstream receives an access token of it, in place of the caller's own credential.

use http::HeaderName;

/// A consent: its index in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConsentId(pub usize);

/// How a route uses a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentUse {
    /// The consent.
    pub consent: ConsentId,
    /// Its name, for logs and metrics.
    pub name: String,
    /// What the access tokens are for, if not what the consent says.
    pub scope: Option<String>,
    /// The tenant that they are of.
    pub tenant: TenantOf,
}

/// The tenant that an access token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantOf {
    /// The consent's own.
    Consent,
    /// This one.
    Fixed(String),
    /// The one in a segment of the path, by the number of segments before it.
    Segment(usize),
    /// The one in a header field.
    Header(HeaderName),
}
