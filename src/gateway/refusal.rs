//! The bytes of a refusal: status, headers and body, in the client's dialect.
//!
//! The wording is that of Partner Center (2019's documented answer, today's error codes), or that of RFC 6750 and
//! RFC 9470. Public texts are fixed per reason. Of a token only what was verified is repeated: class, version and `amr`,
//! in the body, escaped as JSON.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::exchange::Ids;
use super::{Reason, Rejection, upgrade};
use crate::config::Refusals;
use crate::json::Object;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Denial, Dialect, Predicate, Proof, Test, remedy};
use mfa_gateway_core::token::{Amr, Check, TokenError};
use mfa_gateway_wire::Body;

/// What Entra's clients are to ask for: `mfa` in the `amr` of the access token.
static CLAIMS: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(r#"{"access_token":{"amr":{"essential":true,"values":["mfa"]}}}"#));

/// Words a refusal.
pub(crate) fn response(
    rejection: &Rejection,
    settings: &Refusals,
    ids: &Ids,
    version: Version,
    close: bool,
) -> Response<Body> {
    let dialect = rejection.dialect();
    let body = body(rejection, settings, ids, dialect);
    // Partner Center's refusal comes in the chunked coding.
    let body = if dialect == Dialect::PartnerCenter { Body::chunked(body) } else { Body::full(body) };
    let mut response = Response::new(body);
    *response.status_mut() = rejection.reason.status();
    let headers = response.headers_mut();
    let media_type = match dialect {
        Dialect::PartnerCenter => "application/json; charset=utf-8",
        Dialect::Oauth => "application/problem+json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(context) = &settings.request_context {
        headers.insert("request-context", context.clone());
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    add_reason_headers(headers, rejection, dialect);
    rejection.preview.write(headers);
    if is_mfa(&rejection.reason) && version <= Version::HTTP_11 {
        response.extensions_mut().insert(ReasonPhrase::from_static(b"Unauthorized - MFA required"));
    }
    response
}

fn add_reason_headers(headers: &mut HeaderMap, rejection: &Rejection, dialect: Dialect) {
    match &rejection.reason {
        Reason::Denied(denial) => {
            if let Some(challenge) = challenge(*denial, rejection, dialect) {
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            if *denial == Denial::KeysUnavailable {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
        }
        Reason::Overloaded => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Reason::RateLimited(seconds) => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        Reason::MethodNotAllowed(methods) => {
            let methods = methods.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", ");
            if let Ok(value) = HeaderValue::from_str(&methods) {
                headers.insert(ALLOW, value);
            }
        }
        Reason::WebSocketVersion => {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            upgrade::announce(headers);
        }
        _ => {}
    }
}

fn is_mfa(reason: &Reason) -> bool {
    matches!(reason, Reason::Denied(denial) if denial.check() == Check::Mfa)
}

/// The one challenge of a refusal (RFC 6750 section 3).
fn challenge(denial: Denial, rejection: &Rejection, dialect: Dialect) -> Option<HeaderValue> {
    let fixed = match (denial, dialect) {
        (Denial::NoCredential, _) => "Bearer",
        (Denial::KeysUnavailable, _) => return None,
        (_, Dialect::PartnerCenter) if rejection.reason.status() == StatusCode::FORBIDDEN => return None,
        (_, Dialect::PartnerCenter) => r#"Bearer error="invalid_token""#,
        (Denial::InvalidToken(error), Dialect::Oauth) => {
            let text = format!(r#"Bearer error="invalid_token", error_description="{error}""#);
            return HeaderValue::try_from(text).ok();
        }
        (Denial::TenantMismatch | Denial::AppOnlyForbidden | Denial::VendorAppOnly, Dialect::Oauth) => {
            r#"Bearer error="insufficient_scope""#
        }
        (_, Dialect::Oauth) => return HeaderValue::try_from(step_up(denial, rejection)).ok(),
    };
    Some(HeaderValue::from_static(fixed))
}

/// The challenge that lets a client step up by itself: Entra's for clients that say they handle it (`cp1`), else that
/// of RFC 9470 section 3.
fn step_up(denial: Denial, rejection: &Rejection) -> String {
    let proof = rejection.proof.as_deref();
    if let Some(uri) =
        proof.filter(|proof| proof.handles_claims_challenge).and_then(|p| p.issuer.authorization_uri.as_ref())
    {
        let claims = CLAIMS.as_str();
        return format!(
            r#"Bearer realm="", authorization_uri="{uri}", error="insufficient_claims", claims="{claims}""#
        );
    }
    let description = remedy(denial).0.split(". ").next().unwrap_or_default();
    let text = format!(r#"Bearer error="insufficient_user_authentication", error_description="{description}""#);
    let acr_values = proof.map(acr_values).filter(|values| !values.is_empty());
    let acr_values = acr_values.map(|values| format!(r#", acr_values="{values}""#)).unwrap_or_default();
    let max_age = max_age(rejection).filter(|_| denial == Denial::AuthenticationStale);
    let max_age = max_age.map(|age| format!(r#", max_age="{age}""#)).unwrap_or_default();
    text + &acr_values + &max_age
}

/// What to ask the issuer for, as its rule has it: the values that `acr` may have, or where it isn't about `acr`, those of
/// the other claims.
fn acr_values(proof: &Proof) -> String {
    let rule = &proof.issuer.mfa;
    let predicates = || rule.any.iter().chain(&rule.all);
    let on_acr = |predicate: &&Predicate| predicate.claim == ["acr"];
    let only_acr = predicates().any(|predicate| on_acr(&predicate));
    let asked = predicates().filter(|predicate| !only_acr || on_acr(predicate));
    let values = asked.map(|predicate| match &predicate.test {
        Test::Equals(value) | Test::Contains(value) => value.as_str(),
    });
    // Values are separated by spaces and stand in a quoted string.
    let usable = |value: &&str| value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    values.filter(usable).collect::<Vec<_>>().join(" ")
}

fn max_age(rejection: &Rejection) -> Option<u64> {
    rejection.max_age().map(|age| age.as_secs())
}

/// The body's members, in the order of their names.
fn body(rejection: &Rejection, settings: &Refusals, ids: &Ids, dialect: Dialect) -> Vec<u8> {
    let (reason, status) = (&rejection.reason, rejection.reason.status());
    let (description, remedy) = texts(reason);
    let denial = match reason {
        Reason::Denied(denial) => Some(*denial),
        _ => None,
    };
    let documentation = settings.documentation.as_ref().map(|base| [base, "#", reason.code()].concat());
    let of_oauth = dialect == Dialect::Oauth;
    let mut buffer = Vec::with_capacity(1024);
    let mut body = Object::begin(&mut buffer);
    body.text_if_any("check", denial.map(|denial| denial.check().name()));
    body.text("code", code(reason, &status));
    body.text("description", description);
    body.text_if_any("detail", of_oauth.then_some(description));
    body.text_if_any("documentation", documentation.as_deref());
    if let Some(denial) = denial {
        add_expected(&mut body, denial, rejection, settings);
    }
    if let Some(compliant) = rejection.preview.compliant {
        body.literal("isMfaCompliant", compliant);
    }
    body.text("reason", reason.code());
    body.text("remedy", remedy);
    body.text("requestId", ids.request.to_str().unwrap_or_default());
    if let Some(proof) = rejection.proof.as_ref().filter(|_| denial.is_some()) {
        let stale = denial == Some(Denial::AuthenticationStale);
        body.object("seen", |seen| add_seen(seen, proof, stale));
    }
    body.text("source", &settings.source);
    if of_oauth {
        body.literal("status", status.as_u16());
        body.text_or_null("title", status.canonical_reason());
        body.text("type", documentation.as_deref().unwrap_or("about:blank"));
    }
    body.end();
    buffer
}

/// The few verified facts that explain an MFA finding.
fn add_seen(seen: &mut Object<'_>, proof: &Proof, stale: bool) {
    match &proof.amr {
        Amr::Absent => seen.text_or_null("amr", None),
        Amr::Malformed => seen.text("amr", "not an array of strings"),
        Amr::Methods(methods) => seen.texts("amr", methods.iter().take(16).map(|method| first_64(method))),
    }
    if stale {
        seen.literal_or_null("auth_time", proof.auth_time.map(Timestamp::as_secs));
    }
    seen.text("class", proof.principal.class());
    seen.text_or_null("ver", proof.version.as_deref().map(|ver| ver.get(..8).unwrap_or(ver)));
}

/// The first characters of a text.
fn first_64(text: &str) -> &str {
    let end = text.char_indices().nth(64).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

/// What a token should have been like: of a verified one what proves MFA, of others where callers may be told.
fn add_expected(body: &mut Object<'_>, denial: Denial, rejection: &Rejection, settings: &Refusals) {
    match (denial, &settings.expected, &rejection.proof) {
        (Denial::InvalidToken(TokenError::IssuerUnknown), Some(expected), _) => {
            body.object("expected", |inner| inner.texts("issuers", &expected.issuers));
        }
        (Denial::InvalidToken(TokenError::Audience), Some(expected), _) => {
            body.object("expected", |inner| inner.texts("audiences", &expected.audiences));
        }
        (_, _, Some(proof)) if denial.check() == Check::Mfa => body.object("expected", |inner| {
            if let Some(max_age) = max_age(rejection) {
                inner.literal("max_age", max_age);
            }
            inner.text("mfa", &proof.issuer.mfa.to_string());
        }),
        _ => {}
    }
}

/// Partner Center's error codes where it has one, else the status.
fn code<'s>(reason: &Reason, status: &'s StatusCode) -> &'s str {
    match reason {
        Reason::Denied(denial) if denial.check() == Check::Mfa => "900421",
        Reason::Denied(Denial::InvalidToken(_)) => "900420",
        Reason::Denied(Denial::TenantMismatch | Denial::AppOnlyForbidden | Denial::VendorAppOnly) => "2032",
        _ => status.as_str(),
    }
}

fn texts(reason: &Reason) -> (&'static str, &'static str) {
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
