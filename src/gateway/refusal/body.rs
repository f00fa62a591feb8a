//! The JSON body of a refusal.

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Denial, Dialect, Proof};
use mfa_gateway_core::token::{Amr, Check, TokenError};

use super::texts::texts;
use super::{oauth, partner_center};
use crate::gateway::ids::Ids;
use crate::gateway::{Reason, Refusals, Rejection};
use crate::json::Object;

/// The body's members, in the order of their names.
pub(super) fn write(rejection: &Rejection, settings: &Refusals, ids: &Ids, dialect: Dialect) -> Vec<u8> {
    let (reason, status) = (&rejection.reason, rejection.reason.status());
    let (description, remedy) = texts(reason);
    let elsewhere = rejection.place().filter(|_| *reason == Reason::Denied(Denial::NoCredential));
    let elsewhere =
        elsewhere.map(|place| format!("Send the token in {place}. This route takes it from no other place."));
    let denial = match reason {
        Reason::Denied(denial) => Some(*denial),
        _ => None,
    };
    let documentation = settings.documentation.as_ref().map(|base| [base, "#", reason.code()].concat());
    let of_oauth = dialect == Dialect::Oauth;
    let mut buffer = Vec::with_capacity(1024);
    let mut body = Object::begin(&mut buffer);
    body.text_if_any("check", denial.map(|denial| denial.check().name()));
    body.text("code", partner_center::code(reason, &status));
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
    body.text("remedy", elsewhere.as_deref().unwrap_or(remedy));
    body.text("requestId", ids.request.to_str().unwrap_or_default());
    if let Some(proof) = rejection.proof.as_ref().filter(|_| denial.is_some()) {
        let stale = denial == Some(Denial::AuthenticationStale);
        body.object("seen", |seen| add_seen(seen, proof, stale));
    }
    body.text("source", &settings.source);
    if of_oauth {
        oauth::add_members(&mut body, status, documentation.as_deref());
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

/// The requirements that the token missed: for a verified token, what proves MFA; for others, only if callers may learn
/// them.
fn add_expected(body: &mut Object<'_>, denial: Denial, rejection: &Rejection, settings: &Refusals) {
    match (denial, &settings.expected, &rejection.proof) {
        (Denial::InvalidToken(TokenError::IssuerUnknown), Some(expected), _) => {
            body.object("expected", |inner| inner.texts("issuers", &expected.issuers));
        }
        (Denial::InvalidToken(TokenError::Audience), Some(expected), _) => {
            body.object("expected", |inner| inner.texts("audiences", &expected.audiences));
        }
        (_, _, Some(proof)) if denial.check() == Check::Mfa => body.object("expected", |inner| {
            if let Some(max_age) = rejection.max_age() {
                inner.literal("max_age", max_age.as_secs());
            }
            inner.text("mfa", &proof.issuer.mfa.to_string());
        }),
        _ => {}
    }
}
