//! The errors of an upstream.

use std::time::Duration;

use mfa_gateway_wire::BoxError;

/// Why there is no response of the upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// TLS can't be set up: the system's certificate roots can't be read, for example.
    #[error("TLS could not be set up")]
    Tls(#[source] BoxError),
    /// No connection could be made.
    #[error("could not connect to {endpoint}")]
    Connect {
        /// The endpoint.
        endpoint: String,
        /// The reason.
        source: BoxError,
    },
    /// The connection took too long.
    #[error("could not connect to {endpoint} within {after:?}")]
    ConnectTimeout {
        /// The endpoint.
        endpoint: String,
        /// The deadline.
        after: Duration,
    },
    /// The head of the response took too long.
    #[error("no response from {endpoint} within {after:?}")]
    ResponseTimeout {
        /// The endpoint.
        endpoint: String,
        /// The deadline.
        after: Duration,
    },
    /// The exchange broke off, or the response isn't HTTP.
    #[error("the exchange with {endpoint} failed")]
    Exchange {
        /// The endpoint.
        endpoint: String,
        /// The reason.
        source: hyper::Error,
    },
    /// The response's body, as far as it came with the head, broke off or isn't sound.
    #[error("the response of {endpoint} is not sound")]
    Response {
        /// The endpoint.
        endpoint: String,
        /// The reason.
        source: BoxError,
    },
    /// The client's body ended early, is malformed, or stood still.
    #[error("the request's body could not be read")]
    RequestBody {
        /// Whether its framing is broken.
        malformed: bool,
        /// The reason.
        source: hyper::Error,
    },
}

impl UpstreamError {
    /// Whether it took too long, rather than failed.
    #[must_use]
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout { .. } | Self::ResponseTimeout { .. })
    }
}
