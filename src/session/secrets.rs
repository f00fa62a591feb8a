//! The tokens of a session: sealed in its row, and nowhere else.

use std::fmt;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::Sealer;
use serde::{Deserialize, Serialize};

use super::id::SessionId;
use crate::oidc::Tokens;

/// How long an access token is taken to last whose life the issuer doesn't tell (RFC 6749 section 5.1 recommends to).
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// The tokens of a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Secrets {
    /// The last ID token, for the issuer's sign-out and for claims that weren't kept.
    pub(super) id_token: String,
    /// The access token.
    pub(super) access_token: String,
    /// When the access token expires, in milliseconds.
    pub(super) access_expires: i64,
    /// The refresh token, if the issuer gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    /// The nonce of the sign-in: a refreshed ID token has no other (OpenID Connect Core section 12.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("access_expires", &self.access_expires).finish_non_exhaustive()
    }
}

impl Secrets {
    pub(super) fn of(tokens: &Tokens, nonce: &str, now: Timestamp) -> Self {
        Self {
            id_token: tokens.id_token.clone(),
            access_token: tokens.access_token.clone(),
            access_expires: now.plus(tokens.expires_in.unwrap_or(USUAL_LIFE)).as_millis(),
            refresh_token: tokens.refresh_token.clone(),
            nonce: Some(nonce.to_owned()),
        }
    }

    /// The same after a refresh, of which an issuer may leave out what didn't change (OpenID Connect Core section 12.2).
    pub(super) fn refreshed(self, tokens: &Refreshed, now: Timestamp) -> Self {
        Self {
            id_token: tokens.id_token.clone().unwrap_or(self.id_token),
            access_token: tokens.access_token.clone(),
            access_expires: now.plus(tokens.expires_in.unwrap_or(USUAL_LIFE)).as_millis(),
            refresh_token: tokens.refresh_token.clone().or(self.refresh_token),
            nonce: self.nonce,
        }
    }

    pub(super) fn seal(&self, sealer: &Sealer, id: &SessionId) -> Vec<u8> {
        serde_json::to_vec(self).map(|text| sealer.seal(id.to_string().as_bytes(), &text)).unwrap_or_default()
    }

    pub(super) fn open(bytes: &[u8], sealer: &Sealer, id: &SessionId) -> Option<Self> {
        serde_json::from_slice(&sealer.open(id.to_string().as_bytes(), bytes)?).ok()
    }
}

pub(super) use crate::oidc::Refreshed;
