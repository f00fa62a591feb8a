//! The challenges that are about a token's sender: DPoP's (RFC 9449 section 7.1) and those of tokens that are bound to a
//! certificate (RFC 8705 section 3). Partner Center documents none of its own, so that both dialects have the same.

use http::HeaderValue;
use mfa_gateway_core::policy::Denial;
use mfa_gateway_core::policy::{Dialect, SenderConstraint, SenderError, remedy};
use mfa_gateway_core::token::DpopError;

use super::Refusal;
use super::settings::Refusals;

/// The challenge. The gateway's own failures have none.
pub(super) fn challenge(error: SenderError, settings: &Refusals, dialect: Dialect) -> Option<HeaderValue> {
    if error.is_ours() {
        return None;
    }
    let code = match error {
        SenderError::Proof(DpopError::Nonce) => "use_dpop_nonce",
        SenderError::Proof(_) => "invalid_dpop_proof",
        _ => "invalid_token",
    };
    let description = remedy(Denial::Sender(error), None, None).0;
    let description = description.strip_prefix("Access denied. ").unwrap_or(&description);
    let description = match dialect {
        Dialect::PartnerCenter => String::new(),
        Dialect::Oauth => format!(r#", error_description="{description}""#),
    };
    let algs = if error.is_about_dpop() { format!(r#", algs="{}""#, settings.dpop_algorithms) } else { String::new() };
    let scheme = if error.is_about_dpop() { "DPoP" } else { "Bearer" };
    HeaderValue::try_from(format!(r#"{scheme} error="{code}"{description}{algs}"#)).ok()
}

/// Whether the route takes no other tokens than those that are bound to a key.
pub(super) fn needs_dpop(refusal: &Refusal<'_>) -> bool {
    refusal.rule.is_some_and(|rule| rule.sender == SenderConstraint::Dpop)
}

/// The challenge without a token.
pub(super) fn bare(settings: &Refusals) -> Option<HeaderValue> {
    HeaderValue::try_from(format!(r#"DPoP algs="{}""#, settings.dpop_algorithms)).ok()
}
