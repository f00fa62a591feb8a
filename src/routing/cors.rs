//! The pages of other origins that may read a route's responses (CORS, in the Fetch standard).

use http::HeaderValue;

/// What a route allows to pages of other origins, with its fields already written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The origins that may ask.
    pub origins: Origins,
    /// Whether a browser may send cookies and the like.
    pub credentials: bool,
    /// `Access-Control-Allow-Methods`.
    pub methods: HeaderValue,
    /// The header fields that a page may send.
    pub headers: AllowedHeaders,
    /// `Access-Control-Expose-Headers`.
    pub expose: HeaderValue,
    /// `Access-Control-Max-Age`, if the route sets it.
    pub max_age: Option<HeaderValue>,
    /// Whether a page of a public network may ask a gateway in a private one.
    pub private_network: bool,
}

/// The origins that may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every origin, without credentials.
    Any,
    /// These, compared exactly, as browsers write them.
    Listed(Vec<HeaderValue>),
}

/// The header fields that a page may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHeaders {
    /// All that it asks for.
    Any,
    /// `Access-Control-Allow-Headers`.
    Listed(HeaderValue),
}

impl Cors {
    /// The value of `Access-Control-Allow-Origin` for a page of this origin.
    #[must_use]
    pub fn grant(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match &self.origins {
            Origins::Any => Some(HeaderValue::from_static("*")),
            Origins::Listed(origins) => origins.iter().find(|one| *one == origin).cloned(),
        }
    }
}
