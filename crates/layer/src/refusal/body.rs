//! The JSON body of a refusal.

use mfa_gateway_core::json::Object;
use mfa_gateway_core::policy::{Denial, Dialect};
use mfa_gateway_core::token::{Check, TokenError};

use super::settings::Refusals;
use super::{Refusal, oauth, partner_center, seen};

impl Refusal<'_> {
    /// Its body as JSON. The members stand in the order of their names.
    #[must_use]
    pub fn body(&self, settings: &Refusals, request_id: &str) -> Vec<u8> {
        let documentation = settings.documentation.as_ref().map(|base| [base, "#", self.reason].concat());
        let of_oauth = self.dialect == Dialect::Oauth;
        let mut buffer = Vec::with_capacity(1024);
        let mut body = Object::begin(&mut buffer);
        body.text_if_any("check", self.denial.map(|denial| denial.check().name()));
        body.text("code", partner_center::code(self.denial, &self.status));
        body.text("description", &self.description);
        body.text_if_any("detail", of_oauth.then_some(&*self.description));
        body.text_if_any("documentation", documentation.as_deref());
        if let Some(denial) = self.denial {
            add_expected(&mut body, denial, self, settings);
        }
        if let Some(compliant) = self.compliant {
            body.literal("isMfaCompliant", compliant);
        }
        body.text("reason", self.reason);
        body.text("remedy", &self.remedy);
        body.text("requestId", request_id);
        // Who isn't shown to be a token's sender learns nothing of it.
        let told = self.denial.filter(|denial| denial.check() != Check::Binding);
        if let Some((denial, proof)) = told.zip(self.proof) {
            seen::add(&mut body, denial, proof);
        }
        body.text("source", &settings.source);
        if of_oauth {
            oauth::add_members(&mut body, self.status, documentation.as_deref());
        }
        body.end();
        buffer
    }
}

/// The requirements that the token missed: for a verified token, what proves MFA; for others, only if callers may learn
/// them.
fn add_expected(body: &mut Object<'_>, denial: Denial, refusal: &Refusal<'_>, settings: &Refusals) {
    match (denial, &settings.expected, refusal.proof) {
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
            if let Some(max_age) = refusal.max_age() {
                inner.literal("max_age", max_age.as_secs());
            }
            inner.text("mfa", &proof.issuer.mfa.to_string());
        }),
        (Denial::WrongContext | Denial::NoDelegation | Denial::DelegationEnded, ..) => {
            let context = refusal.rule.and_then(|rule| rule.context.name());
            body.object("expected", |inner| {
                inner.text_if_any("context", context);
                inner.text_if_any("tenant", refusal.customer);
            });
        }
        (Denial::RoleMissing | Denial::RoleNotDelegated | Denial::RolesUnknown, ..) => {
            let roles = refusal.rule.and_then(|rule| rule.roles.as_ref());
            body.object("expected", |inner| inner.texts("roles", roles.into_iter().flatten()));
        }
        _ => {}
    }
}
