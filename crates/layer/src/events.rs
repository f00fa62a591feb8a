//! Verification of security event tokens.

use std::sync::Arc;

use super::issuer::keys_for;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::token::{
    SecurityEventError, SecurityEventRules, SecurityEventToken, TokenError, UnverifiedSecurityEvent,
};
use mfa_gateway_keys::KeySource;

/// Verifies the security event tokens of one transmitter, with keys that are fetched when one is missing.
#[derive(Clone, Debug)]
pub struct EventVerifier {
    rules: SecurityEventRules,
    keys: Arc<KeySource>,
    clock: Clock,
}

/// Why a token isn't accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventVerifyError {
    /// It isn't valid.
    #[error(transparent)]
    Invalid(#[from] SecurityEventError),
    /// The transmitter's keys are unavailable: nothing is known of the token.
    #[error("the transmitter's keys are unavailable")]
    KeysUnavailable,
}

impl EventVerifier {
    /// A verifier by these rules.
    #[must_use]
    pub fn new(rules: SecurityEventRules, keys: Arc<KeySource>, clock: Clock) -> Self {
        Self { rules, keys, clock }
    }

    /// What its tokens must be like.
    #[must_use]
    pub fn rules(&self) -> &SecurityEventRules {
        &self.rules
    }

    /// Verifies a token. Whether its `jti` came before is the caller's to find out.
    ///
    /// # Errors
    ///
    /// If it isn't valid, or the keys are unavailable.
    pub async fn verify(&self, parsed: UnverifiedSecurityEvent<'_>) -> Result<SecurityEventToken, EventVerifyError> {
        let keys = keys_for(&self.keys, &self.rules.algorithms, parsed.unverified()).await;
        let keys = keys.map_err(SecurityEventError::from)?.ok_or(EventVerifyError::KeysUnavailable)?;
        let verified = parsed.verify(&keys, &self.rules, self.clock.now());
        if matches!(verified, Err(SecurityEventError::Token(TokenError::Signature))) {
            // The key may have been replaced under its name. Nobody waits for that.
            self.keys.nudge();
        }
        Ok(verified?)
    }
}
