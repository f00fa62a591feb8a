//! A span: one piece of work and its attributes.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderValue;

use super::TraceContext;

/// A piece of work that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) context: TraceContext,
    pub(crate) parent: Option<u64>,
    pub(crate) state: Option<HeaderValue>,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Since 1970.
    pub(crate) start: Duration,
    pub(crate) took: Duration,
    pub(crate) attributes: Vec<Attribute>,
    /// Whether it failed, as the semantic conventions define failure.
    pub(crate) failed: bool,
}

/// The side of a request and response that a span describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The side that receives the request.
    Server,
    /// The side that sends the request.
    Client,
}

/// A span's attribute, with a name from the semantic conventions or the gateway's own.
pub(crate) type Attribute = (&'static str, Value);

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Number(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}
