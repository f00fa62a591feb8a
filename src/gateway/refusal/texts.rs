//! What a refusal says: what was found, and what to do about it. The texts are public, and fixed per reason.

use mfa_gateway_core::policy::remedy;

use crate::gateway::Reason;

/// What was found, in one sentence, and what to do about it.
pub(super) fn texts(reason: &Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Denied(denial) => remedy(*denial),
        Reason::Told(notice) => (notice.description, notice.remedy),
        Reason::Malformed(rule) => (rule, "Send the request in a form that every server reads alike."),
        Reason::UriTooLong => ("The request target is too long.", "Shorten the path and the query."),
        Reason::HeadTooLarge => ("The header section is too large.", "Send fewer or shorter header fields."),
        Reason::ExpectationFailed => {
            ("The Expect field asks for something unknown.", "Remove the field, or send `Expect: 100-continue`.")
        }
        Reason::WebSocketVersion => {
            ("The WebSocket version is not known (RFC 6455 section 4.4).", "Send `Sec-WebSocket-Version: 13`.")
        }
        Reason::NotFound => ("Nothing is served at this path.", "Check the path; letter case and slashes count."),
        Reason::MethodNotAllowed(methods) if methods.is_empty() => (
            "This method is never served here.",
            "Use another method: CONNECT, TRACE, TRACK and PRI are always refused.",
        ),
        Reason::MethodNotAllowed(_) => {
            ("This path is not served with this method.", "Use one of the methods in the Allow field.")
        }
        Reason::BodyIncomplete => {
            ("The request's body stood still or broke off.", "Send the whole body, without long pauses.")
        }
        Reason::BodyTooLarge => {
            ("The request's body is longer than is accepted here.", "Send a shorter body, or several requests.")
        }
        Reason::Overloaded => {
            ("The gateway has too many requests in flight.", "Try again after the time given in Retry-After.")
        }
        Reason::RateLimited(_) => (
            "There have been too many requests of this caller.",
            "Send fewer requests. Try again after the time given in Retry-After.",
        ),
        Reason::UpstreamFailed | Reason::UnexpectedUpgrade => (
            "The service behind the gateway could not be reached, or broke off.",
            "Nothing is wrong with the request. Try again later; name the request id when you ask for help.",
        ),
        Reason::UpstreamTimeout => (
            "The service behind the gateway took too long.",
            "Nothing is wrong with the request. Try again later; name the request id when you ask for help.",
        ),
    }
}
