//! What holds of every token that an issuer makes for a client: ID tokens and logout tokens.
//!
//! They are signed with the keys of access tokens, and name the client as their audience. What tells the kinds apart is
//! `typ` in the header, and claims that one kind must have and another must not (RFC 8725 section 3.12).

use std::sync::Arc;
use std::time::Duration;

use super::object::Object;
use super::{
    Algorithm, AuthTimeForm, Claim, ClientTokenError, Condition, IssuerRule, Key, TokenError, Unverified, Validity,
};
use crate::clock::Timestamp;

/// What an issuer's tokens for one client must be like.
#[derive(Clone, Debug)]
pub struct ClientTokenRules {
    /// What `iss` must be.
    pub issuer: IssuerRule,
    /// The client's id, which `aud` must hold.
    pub client_id: String,
    /// Conditions that bind an ID token to this client, beside its audience; all must hold.
    pub required: Vec<Condition>,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ.
    pub clock_skew: Duration,
    /// How long ago `iat` may be when the token arrives. Both kinds are made for the moment.
    pub max_token_age: Duration,
    /// How the issuer writes the time of a sign-in.
    pub auth_time: AuthTimeForm,
}

/// How long ago `iat` may be, unless the configuration says otherwise: Entra's is five minutes early.
pub const MAX_TOKEN_AGE: Duration = Duration::from_secs(600);

impl ClientTokenRules {
    /// The key that signed a token for this client, once issuer, audience and authorized party are found right.
    pub(super) fn signer(&self, token: &Unverified<'_>, candidates: &[Arc<Key>]) -> Result<Arc<Key>, ClientTokenError> {
        let key = Arc::clone(token.signer(candidates, &self.algorithms, &self.issuer)?);
        self.check_audience(&token.payload)?;
        Ok(key)
    }

    /// `aud` holds the client; with others beside it, `azp` says that it was made for this one. An `azp` is never another
    /// client (OpenID Connect Core section 3.1.3.7, steps 3 to 5).
    fn check_audience(&self, payload: &Object) -> Result<(), ClientTokenError> {
        let aud = payload.get("aud").ok_or(TokenError::ClaimMissing("aud"))?;
        let audiences = match aud.as_str() {
            Some(one) => vec![one],
            None => aud.strings().ok_or(TokenError::ClaimMalformed("aud"))?,
        };
        if !audiences.contains(&self.client_id.as_str()) {
            return Err(TokenError::Audience.into());
        }
        match payload.optional_text("azp")? {
            Some(azp) if azp == self.client_id => Ok(()),
            None if audiences.len() == 1 => Ok(()),
            _ => Err(ClientTokenError::AuthorizedParty),
        }
    }

    /// Checks the time: `exp` and `iat` must be there.
    pub(super) fn check_time(&self, payload: &Object, now: Timestamp) -> Result<Times, ClientTokenError> {
        let validity = Validity::read(payload, self.clock_skew)?;
        let issued = payload.optional_date("iat")?.ok_or(TokenError::ClaimMissing("iat"))?;
        validity.check(now)?;
        if issued > now.plus(self.clock_skew) {
            return Err(ClientTokenError::IssuedAhead);
        }
        let too_old = issued.plus(self.max_token_age).plus(self.clock_skew);
        if now >= too_old {
            return Err(ClientTokenError::IssuedLongAgo);
        }
        Ok(Times { validity, ends: validity.ends().min(too_old) })
    }
}

/// When a token is valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) validity: Validity,
    /// The first moment at which it isn't accepted any more.
    pub(super) ends: Timestamp,
}

/// Takes a token apart whose `typ`, if it has one, is one of these.
pub(super) fn parse<'t>(token: &'t str, types: &[&str]) -> Result<Unverified<'t>, ClientTokenError> {
    Unverified::parse_as(token, types).map_err(|error| match error {
        TokenError::Type => ClientTokenError::Type,
        other => other.into(),
    })
}

/// Claims by which some issuers name the kind of a token that `typ` in the header leaves open: Cognito's `token_use`, and
/// Keycloak's `typ`.
pub(super) fn check_kind(payload: &Object, kind: &str) -> Result<(), ClientTokenError> {
    const OTHER_KINDS: [&str; 9] =
        ["access", "id", "refresh", "bearer", "dpop", "offline", "logout", "initial-access", "registration-access"];
    for name in ["token_use", "typ"] {
        let said = payload.get(name).and_then(Claim::as_str);
        let is_other = |said: &str| {
            OTHER_KINDS.iter().any(|one| one.eq_ignore_ascii_case(said)) && !said.eq_ignore_ascii_case(kind)
        };
        if said.is_some_and(is_other) {
            return Err(ClientTokenError::Kind(name));
        }
    }
    Ok(())
}

/// `sub`, which has 255 bytes at most (OpenID Connect Core section 2).
pub(super) fn check_subject(sub: &str) -> Result<(), ClientTokenError> {
    if sub.is_empty() || sub.len() > 255 { Err(ClientTokenError::Subject) } else { Ok(()) }
}
