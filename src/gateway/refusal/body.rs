//! The JSON body of a refusal.

use mfa_gateway_core::policy::{Denial, Dialect};
use mfa_gateway_core::token::{Check, TokenError};

use super::texts::texts;
use super::{oauth, partner_center, seen};
use crate::gateway::ids::Ids;
use crate::gateway::{Reason, Refusals, Rejection};
use crate::json::Object;

/// The body's members, in the order of their names.
pub(super) fn write(rejection: &Rejection, settings: &Refusals, ids: &Ids, dialect: Dialect) -> Vec<u8> {
    let (reason, status) = (&rejection.reason, rejection.reason.status());
    let (description, remedy) = texts(rejection);
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
    body.text("description", &description);
    body.text_if_any("detail", of_oauth.then_some(&*description));
    body.text_if_any("documentation", documentation.as_deref());
    if let Some(denial) = denial {
        add_expected(&mut body, denial, rejection, settings);
    }
    if let Some(compliant) = rejection.preview.compliant {
        body.literal("isMfaCompliant", compliant);
    }
    body.text("reason", reason.code());
    body.text("remedy", elsewhere.as_deref().unwrap_or(&remedy));
    body.text("requestId", ids.request.to_str().unwrap_or_default());
    if let Some((denial, proof)) = denial.zip(rejection.proof.as_deref()) {
        seen::add(&mut body, denial, proof);
    }
    body.text("source", &settings.source);
    if of_oauth {
        oauth::add_members(&mut body, status, documentation.as_deref());
    }
    body.end();
    buffer
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
        (Denial::InvalidToken(TokenError::TooLong { limit, .. }), ..) => {
            body.object("expected", |inner| inner.literal("token_bytes", limit));
        }
        (_, _, Some(proof)) if denial.check() == Check::Mfa => body.object("expected", |inner| {
            if let Some(max_age) = rejection.max_age() {
                inner.literal("max_age", max_age.as_secs());
            }
            inner.text("mfa", &proof.issuer.mfa.to_string());
        }),
        (Denial::WrongContext | Denial::NoDelegation | Denial::DelegationEnded, ..) => {
            let context = rejection.rule().and_then(|rule| rule.context.name());
            body.object("expected", |inner| {
                inner.text_if_any("context", context);
                inner.text_if_any("tenant", rejection.customer());
            });
        }
        (Denial::RoleMissing | Denial::RoleNotDelegated | Denial::RolesUnknown, ..) => {
            let roles = rejection.rule().and_then(|rule| rule.roles.as_ref());
            body.object("expected", |inner| inner.texts("roles", roles.into_iter().flatten()));
        }
        _ => {}
    }
}
