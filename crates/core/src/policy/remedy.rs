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
            "Send the access token in the header field `Authorization: Bearer <token>`. The gateway reads no other \
             place.",
        ),
        Denial::InvalidToken(error) => of_token(error),
        Denial::KeysUnavailable => (
            "The token can't be verified now: the issuer's signing keys could not be fetched.",
            "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        ),
        Denial::TenantMismatch => (
            "Access denied. This resource doesn't accept the token's tenant.",
            "Request the token in a tenant that this resource accepts: sign in with that tenant as the authority.",
        ),
        Denial::AppOnlyForbidden => (
            "Access denied. This resource needs a user, but the token is app-only.",
            "Request the token with a user who signs in with MFA (App+User), for example with the authorization code \
             flow and then its refresh token, as the Secure Application Model describes.",
        ),
        Denial::VendorAppOnly => (
            "Access denied. A control panel vendor's application may not act for a partner with an app-only token.",
            "Have the partner consent with MFA, and use the refresh token of that consent to request App+User tokens, \
             as the Secure Application Model describes for control panel vendors.",
        ),
        Denial::AmrAbsent => (
            "MFA required. The token doesn't say how the user authenticated: the claim that shows MFA (usually amr) is \
             absent.",
            "Have the issuer add the claim. For Entra v2.0 tokens, add `amr` as an optional claim for access tokens in \
             the API's app registration; v1.0 tokens have it. For another issuer, add the claim to the access token. \
             Then sign in again with MFA, and check the token that you send.",
        ),
        Denial::MfaMissing => (
            "MFA required. The token is valid, but its user signed in without MFA: the claim that shows MFA (usually \
             amr) is present and doesn't show it.",
            "Sign in again with MFA and use the new token. If MFA is enabled, this sign-in skipped it: a trusted \
             location, a remembered device or a password-only flow does that. Require MFA at every sign-in with a \
             Conditional Access policy or security defaults. A federated identity provider must send its MFA claim to \
             the issuer. A refresh token keeps the sign-in that it came from: if that sign-in had no MFA, consent \
             again with MFA.",
        ),
        Denial::EvidenceDenied => (
            "MFA required. A claim in the token says that MFA was bypassed or was done in a way that is not accepted \
             here.",
            "Sign in again and complete MFA instead of bypassing it, then use the new token.",
        ),
        Denial::AuthenticationStale => (
            "MFA required. The user's sign-in is older than this resource allows, or the token doesn't give its time \
             (auth_time).",
            "Sign in again with MFA and use the new token. If the sign-in was recent, have the issuer add `auth_time` \
             to the access token.",
        ),
    }
}

fn of_token(error: TokenError) -> (&'static str, &'static str) {
    (token_description(error), token_remedy(error))
}

fn token_description(error: TokenError) -> &'static str {
    match error.check() {
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

fn token_remedy(error: TokenError) -> &'static str {
    match error {
        TokenError::Credential => {
            "Send exactly one header field `Authorization: Bearer <token>`, with one space before the token and \
             nothing after it."
        }
        TokenError::TooLong => {
            "Request a smaller token, for example with fewer groups, or ask the gateway's operator to raise the limit."
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
        TokenError::IssuerUnknown | TokenError::KeyIssuer => {
            "Request the token from an issuer that the gateway is configured for. For Entra, check the cloud and the \
             token version (v1.0 and v2.0 have different issuers)."
        }
        TokenError::TenantUntrusted | TokenError::TenantContradicts => {
            "Request the token in a tenant that the gateway is configured for: sign in with that tenant as the \
             authority."
        }
        TokenError::Audience => {
            "Request the token for this resource: its aud must be exactly one of the audiences that the gateway is \
             configured for. A trailing slash matters."
        }
        TokenError::Expired => "Request a new token, for example with the refresh token.",
        TokenError::NotYetValid => "Check the clocks: the token becomes valid later (nbf).",
        TokenError::ClassContradicts | TokenError::ClassUnknown => {
            "Request the token either for an application (client credentials) or for a user, and have the issuer leave \
             out the claims of the other kind."
        }
    }
}
