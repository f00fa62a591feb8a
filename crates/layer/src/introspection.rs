//! What an issuer says of an opaque token, where the response is signed (RFC 9701).

use super::issuer::{Issuer, keys_for};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::token::{Introspection, IntrospectionError, UnverifiedIntrospection};

/// Why a signed response says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedResponseError {
    /// It isn't valid.
    #[error(transparent)]
    Invalid(#[from] IntrospectionError),
    /// The issuer's keys are unavailable.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

impl Issuer {
    /// Reads a signed response for this client, made a moment ago.
    ///
    /// # Errors
    ///
    /// If it isn't valid, or the keys are unavailable.
    pub async fn introspection(
        &self,
        document: &str,
        client_id: &str,
        clock: &Clock,
    ) -> Result<Introspection, SignedResponseError> {
        let parsed = UnverifiedIntrospection::parse(document)?;
        let rules = self.rules();
        let keys = keys_for(self.keys(), &rules.algorithms, parsed.unverified()).await;
        let keys = keys.map_err(IntrospectionError::from)?.ok_or(SignedResponseError::KeysUnavailable)?;
        let moment = (clock.now(), rules.clock_skew);
        let said = parsed.verify(&keys, (&rules.algorithms, &rules.issuer), client_id, moment);
        if matches!(said, Err(IntrospectionError::Signed(mfa_gateway_core::token::TokenError::Signature))) {
            self.keys().nudge();
        }
        Ok(said?)
    }
}
