//! The errors of OAuth, as its clients see them.

use http::StatusCode;
use serde_json::{Value, json};

/// A refusal with its registered code (RFC 6749 §4.1.2.1 and §5.2) and a sentence for the developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub(crate) struct OAuthError {
    /// The registered code.
    pub(crate) code: &'static str,
    /// What is wrong, in characters that RFC 6749 §5.2 allows.
    pub(crate) description: &'static str,
}

impl OAuthError {
    /// Any registered code.
    pub(crate) const fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description }
    }

    /// The request lacks something, repeats something or makes no sense.
    pub(crate) const fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    /// The application is unknown or didn't prove itself.
    pub(crate) const fn invalid_client(description: &'static str) -> Self {
        Self::new("invalid_client", description)
    }

    /// The code or refresh token is unknown, spent, expired or another client's.
    pub(crate) const fn invalid_grant(description: &'static str) -> Self {
        Self::new("invalid_grant", description)
    }

    /// The provider itself failed.
    pub(crate) const fn server_error(description: &'static str) -> Self {
        Self::new("server_error", description)
    }

    /// The status at the token endpoint (RFC 6749 §5.2).
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body at the token endpoint.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.code, "error_description": self.description })
    }
}
