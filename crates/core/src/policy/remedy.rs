//! What each denial means and what to do about it, in words for the developer who got it.
//!
//! Nothing of a token's contents stands in the texts; those of MFA findings name the claims that the rule reads, and those
//! of roles the roles that it needs.

use std::borrow::Cow;

use super::advice::{self, Texts};
use super::evidence::Proof;
use super::product::Product;
use super::{Denial, Rule, context_advice, role_advice, sender_advice};
use crate::token::TokenError;

/// What was found, in one sentence, and what to do about it. `proof` is what the verified token proves, if there is one, and
/// `rule` the one that decided.
#[must_use]
pub fn remedy(denial: Denial, proof: Option<&Proof>, rule: Option<&Rule>) -> (Cow<'static, str>, Cow<'static, str>) {
    match denial {
        Denial::InvalidToken(error) => of_token(error),
        Denial::Sender(error) => sender_advice::texts(error),
        Denial::AmrAbsent => advice::absent(proof),
        Denial::MfaMissing => advice::missing(proof),
        Denial::EvidenceDenied => advice::denied(proof),
        Denial::AuthenticationStale => advice::stale(proof),
        Denial::WrongContext => context_advice::wrong(proof, rule),
        Denial::NoDelegation => context_advice::no_delegation(proof),
        Denial::DelegationEnded => context_advice::ended(),
        Denial::RoleNotDelegated => context_advice::role_not_delegated(rule),
        Denial::RoleMissing => role_advice::missing(proof, rule),
        Denial::RolesUnknown => role_advice::unknown(proof, rule),
        _ => {
            let (description, remedy) = fixed(denial, proof.map(|proof| proof.issuer.product));
            (description.into(), remedy.into())
        }
    }
}

/// The texts that depend on the reason alone.
fn fixed(denial: Denial, product: Option<Product>) -> (&'static str, &'static str) {
    match denial {
        Denial::NoCredential => (
            "Access denied. The request has no access token.",
            "Send the access token in the header field `Authorization: Bearer <token>`. The gateway reads no other \
             place.",
        ),
        Denial::KeysUnavailable => (
            "The token can't be verified now: the issuer's signing keys could not be fetched.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::IntrospectionUnavailable => (
            "The token can't be verified now: its issuer could not be asked about it.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::SessionsUnavailable => (
            "The session can't be checked now: the store of sessions could not be reached.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::RevocationsUnavailable => (
            "The token can't be checked now: the store of what issuers have revoked could not be reached.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::TenantMismatch => (
            "Access denied. This resource doesn't accept the token's tenant.",
            "Request the token in a tenant that this resource accepts: sign in with that tenant as the authority.",
        ),
        Denial::VendorAppOnly => (
            "Access denied. A control panel vendor's application may not act for a partner with an app-only token.",
            "Have the partner consent with MFA, and use the refresh token of that consent to request App+User tokens, \
             as the Secure Application Model describes for control panel vendors.",
        ),
        _ => (
            "Access denied. This resource needs a user, but the token is app-only.",
            if product == Some(Product::Entra) {
                "Request the token with a user who signs in with MFA (App+User), for example with the authorization code \
                 flow and then its refresh token, as the Secure Application Model describes."
            } else {
                "Request the token with a user who signs in with MFA (App+User), for example with the authorization code \
                 flow and then its refresh token."
            },
        ),
    }
}

fn of_token(error: TokenError) -> Texts {
    if let TokenError::TooLong { bytes, limit } = error {
        let description = format!("Access denied. The token has {bytes} bytes, and the limit is {limit}.");
        let remedy = "Request a smaller token, for example with fewer groups or roles, or ask the gateway's operator to raise \
                      `limits.token_bytes`.";
        return (description.into(), remedy.into());
    }
    if error == TokenError::Binding {
        let description = "Access denied. The token is bound to its sender in a way that is not known here (cnf).";
        let remedy = "Request a token that is bound to a key with DPoP (jkt) or to a client certificate (x5t#S256), or an \
                      unbound one.";
        return (description.into(), remedy.into());
    }
    if error == TokenError::Inactive {
        let description =
            "Access denied. The token's issuer says that it is not active: it is unknown, expired or revoked.";
        return (description.into(), NEW_TOKEN.into());
    }
    if error == TokenError::Revoked {
        let description =
            "Access denied. The token was revoked: its issuer has reported that it must not be used any more.";
        return (description.into(), "Sign in again, and request a new token.".into());
    }
    (token_description(error).into(), token_remedy(error).into())
}

fn token_description(error: TokenError) -> &'static str {
    match error.check() {
        _ if error == TokenError::Graph => {
            "Access denied. The token is for Microsoft Graph, which alone can verify it: its header has a nonce."
        }
        _ if matches!(error, TokenError::ClaimMissing(_) | TokenError::ClaimMalformed(_)) => {
            "Access denied. A required claim of the token is missing or has the wrong JSON type."
        }
        crate::token::Check::Credential => "Access denied. The credential is not a well-formed access token.",
        crate::token::Check::Signature => "Access denied. The token's signature is not accepted.",
        crate::token::Check::Issuer => "Access denied. The token's issuer is not accepted here.",
        crate::token::Check::Audience => "Access denied. The token is not for this resource.",
        crate::token::Check::Time => "Access denied. The token is not valid at this time.",
        _ => "Access denied. The token contradicts itself about who its caller is.",
    }
}

/// What is done about a token whose time is over.
const NEW_TOKEN: &str = "Request a new token, for example with the refresh token.";

fn token_remedy(error: TokenError) -> &'static str {
    match error {
        TokenError::Credential | TokenError::TooLong { .. } | TokenError::Binding => {
            "Send exactly one header field `Authorization: Bearer <token>`, with one space before the token and \
             nothing after it."
        }
        TokenError::Compact | TokenError::Json(_) => {
            "Send the access token exactly as the issuer returned it: three parts of base64url, joined by dots."
        }
        TokenError::Header(_) => {
            "Request an ordinary signed token. Critical extensions, compression, nesting, encryption and unencoded \
             payloads are not accepted."
        }
        TokenError::Type => {
            "Send an access token, whose typ is JWT or at+jwt. The gateway doesn't accept ID tokens or other kinds."
        }
        TokenError::Algorithm => {
            "Have the issuer sign the token with one of the algorithms that the gateway's configuration lists for it."
        }
        TokenError::KeyUnknown => {
            "Request a new token: the issuer doesn't publish the key that signed this one. If the key is new, try \
             again in ten seconds."
        }
        TokenError::KeyUnnamed => {
            "Have the issuer name the key in the token's header (kid): it publishes many, and the gateway doesn't try \
             them all."
        }
        TokenError::Signature => "Send the token exactly as the issuer returned it. If you did, request a new one.",
        TokenError::ClaimMissing(_) | TokenError::ClaimMalformed(_) => {
            "Request the token from the configured issuer: it must have iss, aud and exp, each with the correct JSON \
             type."
        }
        TokenError::Graph => {
            "Request a token for this API: name this API, not Microsoft Graph, in `scope` or `resource`. A new token for \
             Microsoft Graph won't help."
        }
        TokenError::ClaimMismatch => {
            "Request the token from the issuer and the tenant that the gateway is configured for: a claim that it requires \
             there is missing or has another value."
        }
        TokenError::Client => "Send an access token, not an ID token, of a client that the gateway is configured for.",
        TokenError::IssuerUnknown | TokenError::KeyIssuer => {
            "Request the token from an issuer that the gateway is configured for. The token's iss is compared exactly: a \
             trailing slash, another host name, realm or authorization server, and Entra's clouds and token versions \
             (v1.0 and v2.0) are different issuers."
        }
        TokenError::TenantUntrusted | TokenError::TenantContradicts => {
            "Request the token in a tenant that the gateway is configured for: sign in with that tenant as the \
             authority."
        }
        TokenError::Audience => {
            "Request the token for this resource: its aud must be exactly one of the audiences that the gateway is \
             configured for. A trailing slash matters."
        }
        TokenError::Expired | TokenError::Inactive | TokenError::Revoked => NEW_TOKEN,
        TokenError::NotYetValid => "Check the clocks: the token becomes valid later (nbf).",
        TokenError::ClassContradicts | TokenError::ClassUnknown => {
            "Request the token either for an application (client credentials) or for a user, and have the issuer leave \
             out the claims of the other kind."
        }
    }
}
