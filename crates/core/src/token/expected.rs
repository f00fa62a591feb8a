//! What an ID token must answer, so that it can't be another browser's or another user's.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::ClientTokenError;

/// What an ID token must answer.
#[derive(Clone, Copy)]
pub struct ExpectedIdToken<'e> {
    /// What it was asked for with.
    pub occasion: Occasion<'e>,
    /// The access token that came with it: `at_hash` is about that.
    pub access_token: &'e str,
}

/// What an ID token was asked for with.
#[derive(Clone, Copy)]
pub enum Occasion<'e> {
    /// A code that a browser brought back.
    SignIn {
        /// The nonce of that browser's transaction.
        nonce: &'e str,
    },
    /// A refresh token (OpenID Connect Core section 12.2).
    Refresh {
        /// `iss` of the ID token of the sign-in.
        issuer: &'e str,
        /// Its `sub`.
        subject: &'e str,
        /// Its `nonce`, if that is still known. A refreshed token may leave it out, but has no other.
        nonce: Option<&'e str>,
    },
}

impl fmt::Debug for ExpectedIdToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectedIdToken").field("occasion", &self.occasion).finish_non_exhaustive()
    }
}

impl fmt::Debug for Occasion<'_> {
    /// Without the nonce.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn { .. } => "SignIn",
            Self::Refresh { .. } => "Refresh",
        })
    }
}

impl Occasion<'_> {
    /// The nonce binds the token to the browser that asked (OpenID Connect Core section 15.5.2).
    pub(super) fn check_nonce(&self, found: Option<&str>) -> Result<(), ClientTokenError> {
        let (expected, found) = match (self, found) {
            (Self::SignIn { .. }, None) => return Err(ClientTokenError::NonceMissing),
            (Self::Refresh { nonce: None, .. }, _) | (Self::Refresh { .. }, None) => return Ok(()),
            (Self::SignIn { nonce } | Self::Refresh { nonce: Some(nonce), .. }, Some(found)) => (*nonce, found),
        };
        let equal = !expected.is_empty() && verify_slices_are_equal(expected.as_bytes(), found.as_bytes()).is_ok();
        if equal { Ok(()) } else { Err(ClientTokenError::Nonce) }
    }

    /// A refreshed token is of the same user.
    pub(super) fn check_same(&self, iss: &str, sub: &str) -> Result<(), ClientTokenError> {
        match self {
            Self::Refresh { issuer, .. } if *issuer != iss => Err(ClientTokenError::Changed("iss")),
            Self::Refresh { subject, .. } if *subject != sub => Err(ClientTokenError::Changed("sub")),
            _ => Ok(()),
        }
    }
}
