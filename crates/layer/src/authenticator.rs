//! Authentication: from a credential to [`Evidence`]. It never refuses.
//!
//! Tokens whose signature was verified are cached, decisions never. The cache knows them by fingerprints of all
//! their bytes; an entry ends when its key is retired, and the cache itself with the configuration it was made for. Whether
//! the token is valid at this moment is judged on every request.

use std::sync::Arc;

use super::cache::{Found, TokenCache};
use super::credential::as_token;
use super::proof::proof_of;
use super::{CacheMetrics, Credential, Issuer};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Evidence, IssuerProfile, Proof, Revocations};
use mfa_gateway_core::token::{
    Binding, Claims, Introspection, IssuerIndex, Key, Principal, TokenError, TokenRules, Unverified,
};

/// Judges tokens by the configured issuers.
#[derive(Debug)]
pub struct Authenticator {
    issuers: Vec<Issuer>,
    by_name: IssuerIndex,
    cache: TokenCache,
    max_token_bytes: usize,
    clock: Clock,
    metrics: CacheMetrics,
    revocations: Option<Revocations>,
}

/// A result without waiting.
#[derive(Debug)]
pub enum Lookup {
    /// The evidence.
    Known(Evidence),
    /// A token that has to be verified: see [`Authenticator::verify`].
    Unknown(Box<str>),
}

impl Authenticator {
    /// Puts the cache's size into the metrics.
    pub fn observe(&self) {
        let (entries, bytes) = self.cache.size();
        let as_gauge = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.entries.set(as_gauge(entries));
        self.metrics.bytes.set(as_gauge(bytes));
    }

    /// An authenticator for these issuers.
    #[must_use]
    pub fn new(
        issuers: Vec<Issuer>,
        cache_bytes: u64,
        max_token_bytes: usize,
        clock: Clock,
        metrics: CacheMetrics,
    ) -> Self {
        let by_name = IssuerIndex::new(issuers.iter().map(|issuer| &issuer.rules().issuer));
        let cache = TokenCache::new(cache_bytes);
        Self { issuers, by_name, cache, max_token_bytes, clock, metrics, revocations: None }
    }

    /// The same, whose proofs end when these say so.
    #[must_use]
    pub fn until_revoked(self, revocations: Option<Revocations>) -> Self {
        Self { revocations, ..self }
    }

    /// What ends proofs, if something does.
    #[must_use]
    pub fn revocations(&self) -> Option<&Revocations> {
        self.revocations.as_ref()
    }

    /// Drops the tokens. Requests that began with an earlier configuration may hold the cache for hours, but rarely
    /// need it.
    pub fn forget(&self) {
        self.cache.clear();
    }

    /// Looks at the credential, and at the cache.
    #[must_use]
    pub fn look_up(&self, credential: Credential<'_>) -> Lookup {
        let token = match credential {
            Credential::None => return Lookup::Known(Evidence::None),
            Credential::Malformed => return Lookup::Known(Evidence::Invalid(TokenError::Credential)),
            Credential::Bearer(token) | Credential::Dpop(token) => token,
        };
        if let Err(error) = self.check_length(token) {
            return Lookup::Known(Evidence::Invalid(error));
        }
        if let Some(evidence) = self.recall(token) {
            self.metrics.hits.inc();
            return Lookup::Known(evidence);
        }
        // What was verified once is a token; so the bytes of the others alone are looked at.
        let Some(token) = as_token(token) else {
            return Lookup::Known(Evidence::Invalid(TokenError::Credential));
        };
        self.metrics.misses.inc();
        Lookup::Unknown(token.into())
    }

    /// What the cache says of a token at this moment.
    fn recall(&self, token: &[u8]) -> Option<Evidence> {
        match self.cache.get(token)? {
            Found::Proof(proof) => Some(Evidence::Token(proof)),
            // If its time has come, it is verified as any other.
            Found::Untimely(validity) => validity.check(self.clock.now()).err().map(Evidence::Invalid),
        }
    }

    /// What [`Self::look_up`] asks of a token before it is read, for one that came by another way: that it can stand in
    /// the field, and isn't too long.
    pub fn admit(&self, token: &str) -> Result<(), TokenError> {
        if as_token(token.as_bytes()).is_none() {
            return Err(TokenError::Credential);
        }
        self.check_length(token.as_bytes())
    }

    fn check_length(&self, token: &[u8]) -> Result<(), TokenError> {
        let (bytes, limit) = (token.len(), self.max_token_bytes);
        if bytes > limit { Err(TokenError::TooLong { bytes, limit }) } else { Ok(()) }
    }

    /// Verifies a token, fetching keys if none fits it.
    pub async fn verify(&self, token: &str) -> Evidence {
        match self.verify_new(token).await {
            Ok(Some(proof)) => Evidence::Token(proof),
            Ok(None) => Evidence::KeysUnavailable,
            Err(error) => Evidence::Invalid(error),
        }
    }

    async fn verify_new(&self, token: &str) -> Result<Option<Arc<Proof>>, TokenError> {
        let unverified = Unverified::parse(token)?;
        let issuer = self.issuer_of(&unverified)?;
        let Some(keys) = issuer.keys_for(&unverified).await? else { return Ok(None) };
        let genuine = unverified.genuine(&keys, issuer.rules());
        if matches!(genuine, Err(TokenError::Signature)) {
            // The key may have been replaced under its name. Most such tokens are forged, so nobody waits.
            issuer.keys().nudge();
        }
        let (genuine, now) = (genuine?, self.clock.now());
        if genuine.validity().check(now).is_err() {
            self.cache.put(token, Found::Untimely(Box::new(genuine.validity())), Arc::clone(genuine.key()));
        }
        let (proof, key) =
            prove(genuine.check(issuer.rules(), now)?, issuer.rules(), (issuer.profile(), self.revocations.as_ref()))?;
        let proof = Arc::new(proof);
        self.cache.put(token, Found::Proof(Arc::clone(&proof)), key);
        Ok(Some(proof))
    }

    /// What a token proves, of which its issuer says this.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn introspected(&self, said: Introspection, issuer: &Issuer) -> Result<Proof, TokenError> {
        let claims = said.claims(issuer.rules(), self.clock.now())?;
        prove_claims(&claims, issuer.rules(), (issuer.profile(), self.revocations.as_ref()))
    }

    /// The configured issuers.
    #[must_use]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The configured issuer that a token names. Of two that share a template, the one that trusts the tenant.
    pub fn issuer_of(&self, unverified: &Unverified<'_>) -> Result<&Issuer, TokenError> {
        let named = unverified.issuer()?;
        // No key verifies it, so none must be fetched for it.
        if unverified.is_for_graph() {
            return Err(TokenError::Graph);
        }
        self.by_name.find(named).and_then(|place| self.issuers.get(place)).ok_or(TokenError::IssuerUnknown)
    }
}

/// Judges a token with the keys that may have signed it, and tells which did: the one path from a token to a proof, for
/// requests and for `explain`. `issuer` is its profile, and what ends its proofs.
pub fn judge(
    unverified: Unverified<'_>,
    candidates: &[Arc<Key>],
    rules: &TokenRules,
    issuer: (&Arc<IssuerProfile>, Option<&Revocations>),
    clock: &Clock,
) -> Result<(Proof, Arc<Key>), TokenError> {
    prove(unverified.verify(candidates, rules, clock.now())?, rules, issuer)
}

/// Reads from verified claims what they prove.
fn prove(
    (claims, key): (Claims, Arc<Key>),
    rules: &TokenRules,
    issuer: (&Arc<IssuerProfile>, Option<&Revocations>),
) -> Result<(Proof, Arc<Key>), TokenError> {
    Ok((prove_claims(&claims, rules, issuer)?, key))
}

fn prove_claims(
    claims: &Claims,
    rules: &TokenRules,
    (profile, revocations): (&Arc<IssuerProfile>, Option<&Revocations>),
) -> Result<Proof, TokenError> {
    let principal = Principal::classify(claims, &rules.class)?;
    let binding = Binding::read(claims)?.map(Box::new);
    let proof = proof_of(claims, principal, claims.auth_time(rules.auth_time), profile, revocations);
    Ok(Proof { binding, ..proof })
}
