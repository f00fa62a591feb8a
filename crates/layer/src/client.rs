//! Verification of the tokens that an issuer makes for one client: ID tokens, and logout tokens.

use std::sync::Arc;

use super::issuer::keys_for;
use super::proof::proof_of;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{IssuerProfile, Proof, Revocations};
use mfa_gateway_core::token::{
    App, Claims, ClientTokenError, ClientTokenRules, ExpectedIdToken, IdToken, Key, LogoutToken, Principal, TokenError,
    Unverified, UnverifiedIdToken, UnverifiedLogoutToken, User,
};
use mfa_gateway_keys::KeySource;

/// Verifies what an issuer makes for one client, with keys that are fetched when one is missing.
#[derive(Clone, Debug)]
pub struct ClientVerifier {
    rules: Arc<ClientTokenRules>,
    profile: Arc<IssuerProfile>,
    keys: Arc<KeySource>,
    clock: Clock,
    revocations: Option<Revocations>,
}

/// Why a token isn't accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientVerifyError {
    /// It isn't valid.
    #[error(transparent)]
    Invalid(#[from] ClientTokenError),
    /// The issuer's keys are unavailable: nothing is known of the token.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

impl From<TokenError> for ClientVerifyError {
    fn from(error: TokenError) -> Self {
        Self::Invalid(error.into())
    }
}

impl ClientVerifier {
    /// A verifier for the client that the rules name.
    #[must_use]
    pub fn new(rules: Arc<ClientTokenRules>, profile: Arc<IssuerProfile>, keys: Arc<KeySource>, clock: Clock) -> Self {
        Self { rules, profile, keys, clock, revocations: None }
    }

    /// The same, whose proofs end when these say so.
    #[must_use]
    pub fn until_revoked(self, revocations: Option<Revocations>) -> Self {
        Self { revocations, ..self }
    }

    /// What its tokens must be like.
    #[must_use]
    pub fn rules(&self) -> &Arc<ClientTokenRules> {
        &self.rules
    }

    /// What decisions and refusals need of the issuer.
    #[must_use]
    pub fn profile(&self) -> &Arc<IssuerProfile> {
        &self.profile
    }

    /// The source of the keys, and of the metadata.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeySource> {
        &self.keys
    }

    /// Verifies an ID token that came from the token endpoint.
    pub async fn id_token(&self, token: &str, expected: &ExpectedIdToken<'_>) -> Result<IdToken, ClientVerifyError> {
        let parsed = UnverifiedIdToken::parse(token)?;
        let keys = self.keys_for(parsed.unverified()).await?;
        Ok(self.doubting(parsed.verify(&keys, &self.rules, expected, self.clock.now()))?)
    }

    /// Verifies a logout token. Whether its `jti` came before is the caller's to find out.
    pub async fn logout_token(&self, token: &str) -> Result<LogoutToken, ClientVerifyError> {
        let parsed = UnverifiedLogoutToken::parse(token)?;
        // Anybody can send one: another issuer's costs no fetch.
        let named = parsed.unverified().issuer()?;
        if !self.rules.issuer.names(named) {
            return Err(TokenError::IssuerUnknown.into());
        }
        let keys = self.keys_for(parsed.unverified()).await?;
        Ok(self.doubting(parsed.verify(&keys, &self.rules, self.clock.now()))?)
    }

    /// What an ID token proves, as the evidence of a session.
    #[must_use]
    pub fn prove(&self, token: &IdToken) -> Proof {
        let auth_time = token.claims().sign_in_time(self.rules.auth_time);
        proof_of(
            token.claims(),
            token.principal(&self.rules.client_id),
            auth_time,
            &self.profile,
            self.revocations.as_ref(),
        )
    }

    /// What the claims prove that were kept of an ID token: the evidence of a session.
    #[must_use]
    pub fn prove_kept(&self, claims: &Claims) -> Proof {
        let owned = |name| claims.text(name).map(str::to_owned);
        let (app, user) =
            (App { id: Some(self.rules.client_id.clone()) }, User { id: owned("oid").or_else(|| owned("sub")) });
        proof_of(
            claims,
            Principal::AppUser(app, user),
            claims.sign_in_time(self.rules.auth_time),
            &self.profile,
            self.revocations.as_ref(),
        )
    }

    async fn keys_for(&self, unverified: &Unverified<'_>) -> Result<Vec<Arc<Key>>, ClientVerifyError> {
        let keys = keys_for(&self.keys, &self.rules.algorithms, unverified).await?;
        keys.ok_or(ClientVerifyError::KeysUnavailable)
    }

    /// Has the keys fetched anew if one may have been replaced under its name. Nobody waits for that.
    fn doubting<T>(&self, result: Result<T, ClientTokenError>) -> Result<T, ClientTokenError> {
        if matches!(result, Err(ClientTokenError::Token(TokenError::Signature))) {
            self.keys.nudge();
        }
        result
    }
}
