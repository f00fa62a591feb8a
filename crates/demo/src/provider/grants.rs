//! What people have granted: authorization codes and the refresh tokens that follow them.
//!
//! A grant lives under one id from its code to its last refresh token, and only its newest secret is good. Whoever
//! shows an older one, or shows the newest in the wrong place, ends the grant (RFC 6749 §4.1.2, RFC 9700 §4.14.2),
//! unless a fault says otherwise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::OAuthError;
use super::fault_set::RefreshTokenFault;
use super::keys::sha256;
use super::shape::Shape;
use crate::people::{Client, Person};
use mfa_gateway_core::clock::Timestamp;

/// Grants beyond this many push out the one that was used longest ago.
const MAX_GRANTS: usize = 1024;
const CODE_LIFETIME: Duration = Duration::from_mins(1);
const REFRESH_LIFETIME: Duration = Duration::from_hours(90 * 24);
/// How many spent refresh tokens of a grant are known as such.
const MAX_SPENT: usize = 16;

/// A sign-in: who, for which application, when. Every token of the grant tells of this one event, however late it
/// is issued, so a refresh never brings MFA to a sign-in without it.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    /// Who signed in, with the `amr` of this sign-in.
    pub(crate) person: Person,
    /// The tenants in which MFA was completed since, and the sign-in says so.
    pub(crate) mfa_in: Vec<String>,
    /// The application they signed in to.
    pub(crate) client: Client,
    /// The manner of the endpoint they signed in at.
    pub(crate) shape: Shape,
    /// The session at the provider, `sid` in ID tokens.
    pub(crate) sid: String,
    /// When they signed in, `auth_time`.
    pub(crate) time: Timestamp,
    /// When the code was issued.
    pub(crate) granted: Timestamp,
    /// The context of the sign-in, `acr`.
    pub(crate) acr: String,
    /// Entra's authentication contexts, `acrs`.
    pub(crate) acrs: Vec<String>,
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
    /// The refresh token for the next time, if `offline_access` was granted and it is a new one.
    pub(crate) refresh_token: Option<String>,
}

/// All grants, the one used longest ago first.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<VecDeque<Grant>>);

#[derive(Debug)]
struct Grant {
    id: String,
    secret: String,
    /// The secrets before, newest first.
    spent: VecDeque<String>,
    expires: Timestamp,
    /// Whether its session was ended.
    revoked: bool,
    /// The binding of a code; a refresh token has none.
    binding: Option<Binding>,
    sign_in: Arc<SignIn>,
}

impl Grants {
    /// Keeps a sign-in and returns the code for it.
    pub(crate) fn issue_code(&self, sign_in: SignIn, binding: Binding) -> Result<String, OAuthError> {
        let expires = sign_in.granted.plus(CODE_LIFETIME);
        let (id, secret) = (secret::<16>()?, secret::<32>()?);
        let (binding, sign_in) = (Some(binding), Arc::new(sign_in));
        Ok(self.keep(Grant { id, secret, spent: VecDeque::new(), expires, revoked: false, binding, sign_in }))
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
        let mut grant = self.take(code, now, false).ok_or(OAuthError::invalid_grant("the code is unknown or spent"))?;
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
        let offline = grant.sign_in.scopes.iter().any(|scope| scope == "offline_access");
        grant.expires = grant.sign_in.granted.plus(REFRESH_LIFETIME);
        // Without offline access the grant stays, so that the code is known when it comes again.
        let redeemed = self.renew(grant)?;
        Ok(Redeemed { refresh_token: redeemed.refresh_token.filter(|_| offline), ..redeemed })
    }

    /// Redeems a refresh token for its successor (RFC 6749 §6).
    pub(crate) fn refresh(
        &self,
        token: &str,
        client: Client,
        now: Timestamp,
        fault: &RefreshTokenFault,
    ) -> Result<Redeemed, OAuthError> {
        let grant = self.take(token, now, fault.reusable).filter(|grant| grant.binding.is_none());
        let grant = grant.ok_or_else(|| OAuthError::aadsts(70000))?;
        if grant.sign_in.client != client {
            return Err(OAuthError::invalid_grant("the refresh token was issued to another client"));
        }
        let outlived =
            |life: Option<u64>, since: Timestamp| life.is_some_and(|life| now >= since.plus(Duration::from_secs(life)));
        let over = match () {
            () if grant.revoked => Some(50173),
            () if now >= grant.expires => Some(700_082),
            () if outlived(fault.lifetime_secs, grant.sign_in.granted) => Some(70043),
            () if outlived(fault.mfa_lifetime_secs, grant.sign_in.time) => Some(50078),
            () => None,
        };
        if let Some(number) = over {
            // The next one to show it gets the same answer.
            self.keep(grant);
            return Err(OAuthError::aadsts(number));
        }
        if fault.kept {
            let sign_in = Arc::clone(&grant.sign_in);
            self.keep(grant);
            return Ok(Redeemed { sign_in, refresh_token: None });
        }
        self.renew(grant)
    }

    /// Ends the grants of a session at the provider, or all grants of a person if no session is named.
    pub(crate) fn end(&self, login: &str, sid: Option<&str>) {
        let of = |grant: &Grant| grant.sign_in.person.login == login && sid.is_none_or(|sid| sid == grant.sign_in.sid);
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A code that was not redeemed yet goes; a refresh token is known as revoked.
        grants.retain(|grant| grant.binding.is_none() || !of(grant));
        grants.iter_mut().filter(|grant| of(grant)).for_each(|grant| grant.revoked = true);
    }

    fn renew(&self, mut grant: Grant) -> Result<Redeemed, OAuthError> {
        let spent = std::mem::replace(&mut grant.secret, secret::<32>()?);
        grant.spent.push_front(spent);
        grant.spent.truncate(MAX_SPENT);
        let sign_in = Arc::clone(&grant.sign_in);
        Ok(Redeemed { sign_in, refresh_token: Some(self.keep(grant)) })
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
    fn take(&self, token: &str, now: Timestamp, spent_too: bool) -> Option<Grant> {
        let (id, secret) = token.split_once('.')?;
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = grants.iter().position(|grant| grant.id == id)?;
        let grant = grants.remove(position)?;
        let equal = |known: &String| verify_slices_are_equal(known.as_bytes(), secret.as_bytes()).is_ok();
        let good = equal(&grant.secret) || spent_too && grant.spent.iter().any(equal);
        (good && (grant.binding.is_none() || now < grant.expires)).then_some(grant)
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

    fn sign_in() -> SignIn {
        SignIn {
            person: john(),
            mfa_in: Vec::new(),
            client: client(PUBLIC_CLIENT_ID),
            shape: Shape::GENERIC,
            sid: "s".to_owned(),
            time: NOW,
            granted: NOW,
            acr: "1".to_owned(),
            acrs: Vec::new(),
            scopes: vec!["offline_access".to_owned()],
            audience: None,
            nonce: None,
        }
    }

    fn refresh(grants: &Grants, token: &str, fault: &RefreshTokenFault) -> Result<String, OAuthError> {
        let redeemed = grants.refresh(token, client(PUBLIC_CLIENT_ID), NOW, fault)?;
        Ok(redeemed.refresh_token.unwrap_or_default())
    }

    fn code(grants: &Grants) -> String {
        let binding = Binding { redirect_uri: REDIRECT.to_owned(), challenge: CHALLENGE.to_owned() };
        grants.issue_code(sign_in(), binding).unwrap()
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
        assert!(refresh(&grants, &redeemed.refresh_token.unwrap(), &RefreshTokenFault::default()).is_err());
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
        let (grants, honest) = (Grants::default(), RefreshTokenFault::default());
        let first = redeem(&grants, &code(&grants)).unwrap().refresh_token.unwrap();
        let second = refresh(&grants, &first, &honest).unwrap();
        assert!(refresh(&grants, &first, &honest).is_err());
        assert!(refresh(&grants, &second, &honest).is_err());
    }

    #[test]
    fn refresh_tokens_live_as_a_fault_says() {
        let grants = Grants::default();
        let first = redeem(&grants, &code(&grants)).unwrap().refresh_token.unwrap();
        let reusable = RefreshTokenFault { reusable: true, ..RefreshTokenFault::default() };
        let second = refresh(&grants, &first, &reusable).unwrap();
        let third = refresh(&grants, &first, &reusable).unwrap();
        assert!(second != third);
        let kept = RefreshTokenFault { kept: true, ..RefreshTokenFault::default() };
        assert_eq!(refresh(&grants, &third, &kept).unwrap(), "");
        assert_eq!(refresh(&grants, &third, &kept).unwrap(), "");
        let short = RefreshTokenFault { lifetime_secs: Some(0), ..RefreshTokenFault::default() };
        assert!(refresh(&grants, &third, &short).is_err());
    }

    #[test]
    fn an_ended_session_ends_its_grants() {
        let (grants, honest) = (Grants::default(), RefreshTokenFault::default());
        let token = redeem(&grants, &code(&grants)).unwrap().refresh_token.unwrap();
        grants.end("john", Some("other"));
        let token = refresh(&grants, &token, &honest).unwrap();
        grants.end("john", Some("s"));
        assert!(refresh(&grants, &token, &honest).is_err());
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
