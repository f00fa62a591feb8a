//! A trusted issuer: its rules, and the source of its keys.

use std::sync::Arc;

use mfa_gateway_core::policy::IssuerProfile;
use mfa_gateway_core::token::{Algorithm, Key, KeySet, TokenError, TokenRules, Unverified};
use mfa_gateway_keys::KeySource;

/// A trusted issuer. Entra issuers are two, one per token version.
#[derive(Clone, Debug)]
pub struct Issuer {
    profile: Arc<IssuerProfile>,
    rules: TokenRules,
    keys: Arc<KeySource>,
}

impl Issuer {
    /// An issuer with its rules and keys.
    #[must_use]
    pub fn new(profile: Arc<IssuerProfile>, rules: TokenRules, keys: Arc<KeySource>) -> Self {
        Self { profile, rules, keys }
    }

    /// What decisions and refusals need of it.
    #[must_use]
    pub fn profile(&self) -> &Arc<IssuerProfile> {
        &self.profile
    }

    /// What its tokens must be like.
    #[must_use]
    pub fn rules(&self) -> &TokenRules {
        &self.rules
    }

    /// The source of its keys.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeySource> {
        &self.keys
    }

    /// The keys of `set` that a token may have been signed with.
    pub fn keys_in(&self, set: &KeySet, unverified: &Unverified<'_>) -> Result<Vec<Arc<Key>>, TokenError> {
        set.find(unverified.key_hint(), algorithm(&self.rules.algorithms, unverified)?)
    }

    /// The keys that a token may have been signed with, fetched if necessary; see [`keys_for`].
    pub(super) async fn keys_for(&self, unverified: &Unverified<'_>) -> Result<Option<Vec<Arc<Key>>>, TokenError> {
        keys_for(&self.keys, &self.rules.algorithms, unverified).await
    }
}

/// The keys of a source that a token may have been signed with, fetched if necessary. `None` if no fetch ever succeeded, or
/// if no key fits and the issuer can't be asked for a new one: that is the gateway's failure, not the caller's.
pub(super) async fn keys_for(
    source: &KeySource,
    accepted: &[Algorithm],
    unverified: &Unverified<'_>,
) -> Result<Option<Vec<Arc<Key>>>, TokenError> {
    // An algorithm that isn't accepted must not cost a fetch.
    let algorithm = algorithm(accepted, unverified)?;
    let find = || source.current().map(|set| set.find(unverified.key_hint(), algorithm)).transpose();
    let fresh = match find() {
        Ok(None) | Err(TokenError::KeyUnknown) => source.ask().await,
        // The key may have been replaced by one of another kind under its name, or its names have come.
        Err(error @ (TokenError::Algorithm | TokenError::KeyUnnamed)) => {
            source.nudge();
            return Err(error);
        }
        found => return found,
    };
    match find() {
        Err(TokenError::KeyUnknown) if !fresh => Ok(None),
        found => found,
    }
}

pub(super) fn algorithm(accepted: &[Algorithm], unverified: &Unverified<'_>) -> Result<Algorithm, TokenError> {
    let accepted = |algorithm: &Algorithm| accepted.contains(algorithm);
    unverified.algorithm().filter(accepted).ok_or(TokenError::Algorithm)
}
