//! Verification of security event tokens.

use std::sync::Arc;

use super::issuer::algorithm;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::token::{
    Algorithm, Key, SecurityEventError, SecurityEventRules, SecurityEventToken, TokenError, UnverifiedSecurityEvent,
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
    /// A transmitter doesn't deliver again what was refused. So nothing is refused because of a key that has just changed, under
    /// its name too: the keys are fetched before, and if they can't be now, they are unavailable.
    ///
    /// # Errors
    ///
    /// If it isn't valid, or the keys are unavailable.
    pub async fn verify(&self, parsed: UnverifiedSecurityEvent<'_>) -> Result<SecurityEventToken, EventVerifyError> {
        // An algorithm that isn't accepted must not cost a fetch.
        let algorithm = algorithm(&self.rules.algorithms, parsed.unverified()).map_err(SecurityEventError::from)?;
        let keys = match self.signers(&parsed, algorithm) {
            Err(_) => {
                let are_fresh = self.keys.ask_now().await;
                match self.signers(&parsed, algorithm) {
                    Err(_) if !are_fresh => return Err(EventVerifyError::KeysUnavailable),
                    found => found.map_err(SecurityEventError::from)?,
                }
            }
            Ok(keys) => keys,
        };
        Ok(parsed.verify(&keys, &self.rules, self.clock.now())?)
    }

    /// The keys that may have signed a token, of which one did.
    fn signers(&self, parsed: &UnverifiedSecurityEvent<'_>, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, TokenError> {
        let set = self.keys.current().ok_or(TokenError::KeyUnknown)?;
        let keys = set.find(parsed.unverified().key_hint(), algorithm)?;
        parsed.check_signature(&keys, &self.rules)?;
        Ok(keys)
    }
}
