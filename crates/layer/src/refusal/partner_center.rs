//! Partner Center's dialect: the documented response, and its error codes.

use http::{HeaderValue, StatusCode};
use mfa_gateway_core::policy::Denial;
use mfa_gateway_core::token::Check;

pub(super) const MEDIA_TYPE: &str = "application/json; charset=utf-8";

/// The challenge: the same for every invalid token and every MFA finding, exactly as documented.
pub(super) fn challenge(status: StatusCode) -> Option<HeaderValue> {
    (status != StatusCode::FORBIDDEN).then(|| HeaderValue::from_static(r#"Bearer error="invalid_token""#))
}

/// Partner Center's error code where it has one, else the status. Both dialects have it in the body.
pub(super) fn code(denial: Option<Denial>, status: &StatusCode) -> &str {
    match denial {
        Some(denial) if denial.check() == Check::Mfa => "900421",
        Some(Denial::InvalidToken(_)) => "900420",
        Some(Denial::Sender(error)) if !error.is_ours() => "900420",
        Some(denial) if denial.check() == Check::Route => "2032",
        _ => status.as_str(),
    }
}
