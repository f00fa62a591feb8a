//! The `oauth` dialect: challenges of RFC 6750 and RFC 9470, bodies of RFC 9457.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use mfa_gateway_core::json::Object;
use mfa_gateway_core::policy::{Denial, remedy};
use mfa_gateway_core::token::Check;

use super::Refusal;

pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// The claims request for Entra's clients: `mfa` in the `amr` of the access token.
static CLAIMS: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(r#"{"access_token":{"amr":{"essential":true,"values":["mfa"]}}}"#));

/// The challenge (RFC 6750 section 3).
pub(super) fn challenge(denial: Denial, refusal: &Refusal<'_>) -> Option<HeaderValue> {
    match denial {
        Denial::InvalidToken(error) => {
            let text = format!(r#"Bearer error="invalid_token", error_description="{error}""#);
            HeaderValue::try_from(text).ok()
        }
        _ if denial.check() == Check::Route => Some(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#)),
        _ => HeaderValue::try_from(step_up(denial, refusal)).ok(),
    }
}

/// Adds the members of a problem (RFC 9457 section 3.1) that follow the common ones.
pub(super) fn add_members(body: &mut Object<'_>, status: StatusCode, documentation: Option<&str>) {
    body.literal("status", status.as_u16());
    body.text_or_null("title", status.canonical_reason());
    body.text("type", documentation.unwrap_or("about:blank"));
}

/// The challenge that lets a client step up by itself: Entra's for clients that declare support (`cp1`), else that of
/// RFC 9470 section 3.
fn step_up(denial: Denial, refusal: &Refusal<'_>) -> String {
    let proof = refusal.proof;
    if let Some(uri) =
        proof.filter(|proof| proof.handles_claims_challenge).and_then(|p| p.issuer.authorization_uri.as_ref())
    {
        let claims = CLAIMS.as_str();
        return format!(
            r#"Bearer realm="", authorization_uri="{uri}", error="insufficient_claims", claims="{claims}""#
        );
    }
    // A field of the header section has no names of claims.
    let description = remedy(denial, None, None).0;
    let description = description.split(". ").next().unwrap_or_default();
    let text = format!(r#"Bearer error="insufficient_user_authentication", error_description="{description}""#);
    let acr_values = proof.map(|proof| proof.issuer.mfa.acr_values().join(" ")).filter(|values| !values.is_empty());
    let acr_values = acr_values.map(|values| format!(r#", acr_values="{values}""#)).unwrap_or_default();
    let max_age = refusal.max_age().filter(|_| denial == Denial::AuthenticationStale);
    let max_age = max_age.map(|age| format!(r#", max_age="{}""#, age.as_secs())).unwrap_or_default();
    text + &acr_values + &max_age
}
