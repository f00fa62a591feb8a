//! The errors of OAuth, as its clients see them.

use http::StatusCode;
use serde_json::{Value, json};

use super::aadsts::{self, Refusal};
use super::shape::Shape;
use mfa_gateway_core::clock::Timestamp;

/// A refusal with its registered code (RFC 6749 §4.1.2.1 and §5.2) and a sentence for the developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub(crate) struct OAuthError {
    /// The registered code.
    pub(crate) code: &'static str,
    /// What is wrong, in characters that RFC 6749 §5.2 allows.
    pub(crate) description: &'static str,
    /// The error in Entra's list, if it has this one.
    refusal: Option<&'static Refusal>,
}

impl OAuthError {
    /// Any registered code.
    pub(crate) const fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description, refusal: None }
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

    /// An error of Entra's, by its number.
    pub(crate) fn aadsts(number: u32) -> Self {
        match aadsts::find(number) {
            Some(refusal) => Self { code: refusal.error, description: refusal.text, refusal: Some(refusal) },
            None => Self::server_error("an unknown number"),
        }
    }

    /// The status at the token endpoint (RFC 6749 §5.2).
    pub(crate) fn status(&self) -> StatusCode {
        if let Some(refusal) = self.refusal {
            return refusal.status();
        }
        match self.code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body at the token endpoint, in the manner of the endpoint.
    pub(crate) fn body(&self, shape: Shape, now: Timestamp) -> Value {
        if let Some(refusal) = self.refusal.filter(|_| shape.has_numbers()) {
            return refusal.body(shape.manner, now);
        }
        json!({ "error": self.code, "error_description": self.description })
    }
}
