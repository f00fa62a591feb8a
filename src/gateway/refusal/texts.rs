//! The texts of a refusal: its description and its remedy. The texts are public, and fixed per reason but for
//! the place in a path.

use std::borrow::Cow;

use mfa_gateway_core::policy::remedy;

use crate::gateway::{Reason, Rejection};

/// The description, in one sentence, and the remedy.
pub(crate) fn texts(rejection: &Rejection) -> (Cow<'_, str>, Cow<'static, str>) {
    if let Reason::Denied(denial) = rejection.reason {
        return remedy(denial, rejection.proof.as_deref(), rejection.rule());
    }
    let (description, remedy) = fixed(&rejection.reason);
    (description.into(), remedy.into())
}

fn fixed(reason: &Reason) -> (&str, &'static str) {
    match reason {
        // Its texts depend on more than the reason.
        Reason::Denied(_) => ("", ""),
        Reason::Consent(fault) => (&fault.description, fault.remedy),
        Reason::Told(notice) => (notice.description, notice.remedy),
        Reason::Malformed(rule) => (rule, "Send the request in a form that every server reads the same way."),
        Reason::Path(fault) if fault.optional => (
            &fault.text,
            "Send the path without this form, or ask for `encoded: forward` on the route, which forwards it.",
        ),
        Reason::Path(fault) => (&fault.text, "Send the path in a form that every server reads the same way."),
        Reason::UriTooLong => ("The request target is too long.", "Shorten the path and the query."),
        Reason::HeadTooLarge => ("The header section is too large.", "Send fewer or shorter header fields."),
        Reason::CrossOrigin => (
            "The token is in a cookie, and nothing shows that a page of this origin made the request.",
            "Send it from a page of the same origin: browsers then add `Origin` or `Sec-Fetch-Site: same-origin`.",
        ),
        Reason::ExpectationFailed => {
            ("The Expect field has an unknown value.", "Remove the field, or send `Expect: 100-continue`.")
        }
        Reason::WebSocketVersion => {
            ("The WebSocket version is not supported (RFC 6455 section 4.4).", "Send `Sec-WebSocket-Version: 13`.")
        }
        Reason::Misdirected => (
            "Nothing is served for this host on this connection (RFC 9110 section 15.5.20).",
            "Check the host. If it is right, send the request on a new connection, with the same name in the TLS handshake.",
        ),
        Reason::NotFound => ("Nothing is served at this path.", "Check the path; letter case and slashes matter."),
        Reason::MethodNotAllowed(methods) if methods.is_empty() => (
            "The gateway never serves this method.",
            "Use another method. The gateway always refuses CONNECT, TRACE, TRACK and PRI.",
        ),
        Reason::MethodNotAllowed(_) => {
            ("This path doesn't support this method.", "Use one of the methods in the Allow field.")
        }
        Reason::BodyIncomplete => {
            ("The request's body stalled or ended early.", "Send the whole body, without long pauses.")
        }
        Reason::BodyTooLarge => {
            ("The request's body is too long.", "Send a shorter body, or split it over several requests.")
        }
        Reason::Overloaded => {
            ("The gateway has too many requests in flight.", "Try again after the time given in Retry-After.")
        }
        Reason::RateLimited(_) => (
            "This caller has sent too many requests.",
            "Send fewer requests. Try again after the time given in Retry-After.",
        ),
        Reason::UpstreamFailed | Reason::UnexpectedUpgrade => (
            "The service behind the gateway is unreachable, or its response is invalid or incomplete.",
            "Nothing is wrong with the request. Try again later. Quote the request id when you ask for help.",
        ),
        Reason::UpstreamTimeout => (
            "The service behind the gateway took too long to respond.",
            "Nothing is wrong with the request. Try again later. Quote the request id when you ask for help.",
        ),
    }
}
