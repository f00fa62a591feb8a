//! The place of a request that holds its token.

use std::fmt;

use http::HeaderName;

/// The one place that a route takes the token from. No other is ever read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenPlace {
    /// The `Authorization` field, with the scheme `Bearer`.
    #[default]
    Authorization,
    /// Another header field, with or without the scheme.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
    /// An element of `Sec-WebSocket-Protocol`, behind one of this name.
    Subprotocol(String),
    /// An element of `Sec-WebSocket-Protocol` that begins so.
    SubprotocolPrefix(String),
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization => f.write_str("the Authorization field"),
            Self::Header(name) => write!(f, "the field {name}"),
            Self::Cookie(name) => write!(f, "the cookie {name}"),
            Self::Subprotocol(name) => write!(f, "the WebSocket subprotocol after {name}"),
            Self::SubprotocolPrefix(prefix) => write!(f, "the WebSocket subprotocol that begins with {prefix}"),
        }
    }
}
