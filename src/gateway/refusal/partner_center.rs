//! Partner Center's dialect: the documented response, and its error codes.

use http::{HeaderValue, StatusCode};
use mfa_gateway_core::policy::Denial;
use mfa_gateway_core::token::Check;
use mfa_gateway_wire::Body;

use crate::gateway::Reason;

pub(super) const MEDIA_TYPE: &str = "application/json; charset=utf-8";

/// Its refusal uses the chunked coding.
pub(super) fn framed(body: Vec<u8>) -> Body {
    Body::chunked(body)
}

/// The challenge: the same for every invalid token and every MFA finding, exactly as documented.
pub(super) fn challenge(status: StatusCode) -> Option<HeaderValue> {
    (status != StatusCode::FORBIDDEN).then(|| HeaderValue::from_static(r#"Bearer error="invalid_token""#))
}

/// Partner Center's error code where it has one, else the status. Both dialects have it in the body.
pub(super) fn code<'s>(reason: &Reason, status: &'s StatusCode) -> &'s str {
    match reason {
        Reason::Denied(denial) if denial.check() == Check::Mfa => "900421",
        Reason::Denied(Denial::InvalidToken(_)) => "900420",
        Reason::Denied(denial) if denial.check() == Check::Route => "2032",
        _ => status.as_str(),
    }
}
