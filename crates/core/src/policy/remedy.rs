//! What each denial means and what to do about it, in words for the developer who got it.
//!
//! The texts are fixed per reason: nothing of a token stands in them.

use super::Denial;
use crate::token::TokenError;

/// What was found, in one sentence, and what to do about it.
#[must_use]
pub fn remedy(denial: Denial) -> (&'static str, &'static str) {
    match denial {
        Denial::NoCredential => (
            "Access denied. The request has no access token.",
            "Send the access token in the header `Authorization: Bearer <token>`. No other place is looked at.",
        ),
        Denial::InvalidToken(error) => of_token(error),
        Denial::KeysUnavailable => (
            "The token can't be judged now: the issuer's signing keys could not be fetched.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::TenantMismatch => (
            "Access denied. This resource is not open to the token's tenant.",
            "Request the token in a tenant that this resource is open to: sign in with that tenant as authority.",
        ),
        Denial::AppOnlyForbidden => (
            "Access denied. This resource needs a user; an app-only token was sent.",
            "Request the token with a user who signs in with MFA (App+User), for example by the authorization code \
             flow and then its refresh token, as the Secure Application Model describes.",
        ),
        Denial::VendorAppOnly => (
            "Access denied. A control panel vendor's application may not act for a partner with an app-only token.",
            "Have the partner consent with MFA, and use the refresh token of that consent to request App+User tokens, \
             as the Secure Application Model describes for control panel vendors.",
        ),
        Denial::AmrAbsent => (
            "MFA required. The token doesn't say how the user authenticated: the claim that would show MFA (usually \
             amr) is absent.",
            "Have the claim issued. With Entra v2.0 tokens, add `amr` as an optional claim for access tokens in the \
             API's app registration; v1.0 tokens have it. With another provider, add the claim to the access token. \
             Then sign in again with MFA, and look at the token that is really sent.",
        ),
        Denial::MfaMissing => (
            "MFA required. The token is valid, but its user signed in without MFA: the claim that would show MFA \
             (usually amr) is there and doesn't.",
            "Sign in again with MFA and use the new token. If MFA is switched on, it was not performed at this \
             sign-in: a trusted location, a remembered device or a password-only flow skips it, so have a \
             Conditional Access policy or security defaults demand it every time. A federated provider must send its \
             MFA claim to the identity provider. A refresh token keeps the sign-in it came from: one obtained without \
             MFA never gets better, so consent again with MFA.",
        ),
        Denial::EvidenceDenied => (
            "MFA required. A claim of the token says that MFA was bypassed or is not accepted here.",
            "Sign in again and complete MFA instead of bypassing it, then use the new token.",
        ),
        Denial::AuthenticationStale => (
            "MFA required. The user's sign-in is older than this resource allows, or the token doesn't say when it \
             was (auth_time).",
            "Sign in again with MFA and use the new token. If the sign-in was recent, have `auth_time` issued as a \
             claim of the access token.",
        ),
    }
}

fn of_token(error: TokenError) -> (&'static str, &'static str) {
    let description = match error.check() {
        _ if matches!(error, TokenError::ClaimMissing(_) | TokenError::ClaimMalformed(_)) => {
            "Access denied. A claim that the token must have is missing, or has the wrong JSON type."
        }
        crate::token::Check::Credential => "Access denied. The credential is not a well-formed access token.",
        crate::token::Check::Signature => "Access denied. The token's signature can't be accepted.",
        crate::token::Check::Issuer => "Access denied. The token's issuer is not accepted here.",
        crate::token::Check::Audience => "Access denied. The token is not for this resource.",
        crate::token::Check::Time => "Access denied. The token is not valid at this time.",
        _ => "Access denied. The token contradicts itself about who is calling.",
    };
    let remedy = match error {
        TokenError::Credential => {
            "Send exactly one header `Authorization: Bearer <token>`, with one space and nothing around the token."
        }
        TokenError::TooLong => {
            "Request a smaller token, for example with fewer groups; or have the gateway's limit raised."
        }
        TokenError::Compact | TokenError::Json(_) => {
            "Send the access token exactly as the issuer gave it: three parts of base64url, joined by dots."
        }
        TokenError::Header(_) => {
            "Request an ordinary signed token: critical extensions, compression, nesting, encryption and unencoded \
             payloads are not accepted."
        }
        TokenError::Type => "Send an access token: its typ is JWT or at+jwt. An ID token or another kind won't do.",
        TokenError::Algorithm => {
            "Have the token signed with one of the algorithms that the gateway's configuration lists for the issuer."
        }
        TokenError::KeyUnknown => {
            "Request a new token: the key that signed this one is not among those the issuer publishes. If it was \
             published only now, try again in ten seconds."
        }
        TokenError::Signature => "Send the token exactly as the issuer gave it. If it is, request a new one.",
        TokenError::ClaimMissing(_) | TokenError::ClaimMalformed(_) => {
            "Request the token from the configured issuer: it must have iss, aud and exp, each of its proper JSON type."
        }
        TokenError::IssuerUnknown | TokenError::KeyIssuer => {
            "Request the token from an issuer that the gateway is configured for. For Entra, mind the cloud and the \
             token version (v1.0 and v2.0 have different issuers)."
        }
        TokenError::TenantUntrusted | TokenError::TenantContradicts => {
            "Request the token in a tenant that the gateway is configured for: sign in with that tenant as authority."
        }
        TokenError::Audience => {
            "Request the token for this resource: its aud must be exactly one of the audiences that the gateway is \
             configured for. A trailing slash counts."
        }
        TokenError::Expired => "Request a new token, for example with the refresh token.",
        TokenError::NotYetValid => "Check the clocks: the token becomes valid only later (nbf).",
        TokenError::ClassContradicts | TokenError::ClassUnknown => {
            "Request the token either for an application (client credentials) or for a user, and have the issuer \
             leave out claims of the other kind."
        }
    };
    (description, remedy)
}
