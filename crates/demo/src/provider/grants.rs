//! What people have granted: authorization codes and the refresh tokens that follow them.
//!
//! A grant lives under one id from its code to its last refresh token, and only its newest secret is good. Whoever
//! shows an older one, or shows the newest in the wrong place, ends the grant (RFC 6749 §4.1.2, RFC 9700 §4.14.2).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::OAuthError;
use super::keys::sha256;
use crate::people::{Client, Person};
use mfa_gateway_core::clock::Timestamp;

/// Grants beyond this many push out the one that was used longest ago.
const MAX_GRANTS: usize = 1024;
const CODE_LIFETIME: Duration = Duration::from_mins(1);
const REFRESH_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// A sign-in: who, for which application, when. Every token of the grant tells of this one event, however late it
/// is issued, so a refresh never brings MFA to a sign-in without it.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// Who signed in.
    pub(crate) person: Person,
    /// The application they signed in to.
    pub(crate) client: Client,
    /// When they signed in.
    pub(crate) time: Timestamp,
    /// The OpenID scopes they granted.
    pub(crate) scopes: Vec<String>,
    /// The audience that was asked for.
    pub(crate) audience: Option<String>,
    /// The client's nonce for the id token.
    pub(crate) nonce: Option<String>,
}

/// What a code is bound to, besides the application.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Where the code was sent.
    pub(crate) redirect_uri: String,
    /// The S256 challenge (RFC 7636 §4.2).
    pub(crate) challenge: String,
}

/// A proof of the sign-in that a token response is made from.
#[derive(Debug)]
pub(crate) struct Redeemed {
    /// The sign-in.
    pub(crate) sign_in: Arc<SignIn>,
    /// The refresh token for the next time.
    pub(crate) refresh_token: String,
}

/// All grants, the one used longest ago first.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<VecDeque<Grant>>);

#[derive(Debug)]
struct Grant {
    id: String,
    secret: String,
    expires: Timestamp,
    /// The binding of a code; a refresh token has none.
    binding: Option<Binding>,
    sign_in: Arc<SignIn>,
}

impl Grants {
    /// Keeps a sign-in and returns the code for it.
    pub(crate) fn issue_code(&self, sign_in: SignIn, binding: Binding) -> Result<String, OAuthError> {
        let expires = sign_in.time.plus(CODE_LIFETIME);
        let (id, secret) = (secret::<16>()?, secret::<32>()?);
        Ok(self.keep(Grant { id, secret, expires, binding: Some(binding), sign_in: Arc::new(sign_in) }))
    }

    /// Redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.6). A failed attempt spends the code as well.
    pub(crate) fn redeem_code(
        &self,
        code: &str,
        client: Client,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Redeemed, OAuthError> {
        let mut grant = self.take(code, now).ok_or(OAuthError::invalid_grant("the code is unknown or spent"))?;
        let binding = grant.binding.take().ok_or(OAuthError::invalid_grant("this is not a code"))?;
        if grant.sign_in.client != client {
            return Err(OAuthError::invalid_grant("the code was issued to another client"));
        }
        if binding.redirect_uri != redirect_uri {
            return Err(OAuthError::invalid_grant(
                "the redirect_uri differs from the one in the authorization request",
            ));
        }
        if !verifies(verifier, &binding.challenge) {
            return Err(OAuthError::invalid_grant("the code_verifier does not match the code_challenge"));
        }
        self.renew(grant, now)
    }

    /// Redeems a refresh token for its successor (RFC 6749 §6).
    pub(crate) fn refresh(&self, token: &str, client: Client, now: Timestamp) -> Result<Redeemed, OAuthError> {
        let grant = self.take(token, now).filter(|grant| grant.binding.is_none());
        let grant = grant.ok_or(OAuthError::invalid_grant("the refresh token is unknown or spent"))?;
        if grant.sign_in.client != client {
            return Err(OAuthError::invalid_grant("the refresh token was issued to another client"));
        }
        self.renew(grant, now)
    }

    fn renew(&self, mut grant: Grant, now: Timestamp) -> Result<Redeemed, OAuthError> {
        grant.secret = secret::<32>()?;
        grant.expires = now.plus(REFRESH_LIFETIME);
        let sign_in = Arc::clone(&grant.sign_in);
        Ok(Redeemed { sign_in, refresh_token: self.keep(grant) })
    }

    fn keep(&self, grant: Grant) -> String {
        let token = format!("{}.{}", grant.id, grant.secret);
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if grants.len() >= MAX_GRANTS {
            grants.pop_front();
        }
        grants.push_back(grant);
        token
    }

    /// Takes the grant out before anything is checked, so that each of its secrets works once at most.
    fn take(&self, token: &str, now: Timestamp) -> Option<Grant> {
        let (id, secret) = token.split_once('.')?;
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = grants.iter().position(|grant| grant.id == id)?;
        let grant = grants.remove(position)?;
        let current = verify_slices_are_equal(grant.secret.as_bytes(), secret.as_bytes()).is_ok();
        (current && now < grant.expires).then_some(grant)
    }
}

/// Whether a verifier is well-formed (RFC 7636 §4.1) and belongs to the challenge (§4.6).
fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved) && sha256(verifier.as_bytes()) == challenge
}

/// `N` secret bytes, in base64url.
pub(crate) fn secret<const N: usize>() -> Result<String, OAuthError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| OAuthError::server_error("the system's random number generator failed"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{CONFIDENTIAL_CLIENT_ID, PUBLIC_CLIENT_ID, john};

    const NOW: Timestamp = Timestamp::from_secs(1_549_088_552);
    const REDIRECT: &str = "http://127.0.0.1:9/callback";
    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn client(id: &str) -> Client {
        Client::find(id).unwrap()
    }

    fn code(grants: &Grants) -> String {
        let binding = Binding { redirect_uri: REDIRECT.to_owned(), challenge: CHALLENGE.to_owned() };
        let client = client(PUBLIC_CLIENT_ID);
        let sign_in = SignIn { person: john(), client, time: NOW, scopes: Vec::new(), audience: None, nonce: None };
        grants.issue_code(sign_in, binding).unwrap()
    }

    fn redeem(grants: &Grants, code: &str) -> Result<Redeemed, OAuthError> {
        grants.redeem_code(code, client(PUBLIC_CLIENT_ID), REDIRECT, VERIFIER, NOW)
    }

    #[test]
    fn pkce_follows_the_example_of_rfc_7636() {
        assert!(verifies(VERIFIER, CHALLENGE));
        assert!(!verifies(&VERIFIER[1..], CHALLENGE));
        assert!(!verifies(CHALLENGE, CHALLENGE));
    }

    #[test]
    fn a_code_shown_twice_ends_the_grant() {
        let grants = Grants::default();
        let code = code(&grants);
        let redeemed = redeem(&grants, &code).unwrap();
        assert_eq!(redeem(&grants, &code).unwrap_err().code, "invalid_grant");
        assert!(grants.refresh(&redeemed.refresh_token, client(PUBLIC_CLIENT_ID), NOW).is_err());
    }

    #[test]
    fn a_code_is_bound_to_its_client_address_verifier_and_minute() {
        let grants = Grants::default();
        let attempts = [
            (CONFIDENTIAL_CLIENT_ID, REDIRECT, VERIFIER, NOW),
            (PUBLIC_CLIENT_ID, "http://127.0.0.1:9/", VERIFIER, NOW),
            (PUBLIC_CLIENT_ID, REDIRECT, CHALLENGE, NOW),
            (PUBLIC_CLIENT_ID, REDIRECT, VERIFIER, NOW.plus(CODE_LIFETIME)),
        ];
        for (id, redirect_uri, verifier, now) in attempts {
            let refused = grants.redeem_code(&code(&grants), client(id), redirect_uri, verifier, now);
            assert_eq!(refused.unwrap_err().code, "invalid_grant");
        }
    }

    #[test]
    fn a_spent_refresh_token_ends_the_grant() {
        let grants = Grants::default();
        let public = client(PUBLIC_CLIENT_ID);
        let first = redeem(&grants, &code(&grants)).unwrap().refresh_token;
        let second = grants.refresh(&first, public, NOW).unwrap().refresh_token;
        assert!(grants.refresh(&first, public, NOW).is_err());
        assert!(grants.refresh(&second, public, NOW).is_err());
    }

    #[test]
    fn the_number_of_grants_is_bounded() {
        let grants = Grants::default();
        let first = code(&grants);
        for _ in 0..MAX_GRANTS {
            code(&grants);
        }
        assert!(redeem(&grants, &first).is_err());
        assert_eq!(grants.0.lock().unwrap().len(), MAX_GRANTS);
    }
}
