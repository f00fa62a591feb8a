//! The header fields of a refusal.

use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use mfa_gateway_core::policy::{Denial, Dialect};

use super::settings::Refusals;
use super::{Refusal, oauth, partner_center, sender};

impl Refusal<'_> {
    /// The one challenge of a refusal (RFC 6750 section 3). The service's own failures have none.
    #[must_use]
    pub fn challenge(&self, settings: &Refusals) -> Option<HeaderValue> {
        let challenge = self.bare_challenge(settings)?;
        // Partner Center's stays as it is documented.
        let metadata = self.metadata.or(settings.resource_metadata.as_deref());
        let Some(url) = metadata.filter(|_| self.dialect == Dialect::Oauth) else { return Some(challenge) };
        let challenge = challenge.to_str().ok()?;
        let between = if challenge.contains(' ') { "," } else { "" };
        HeaderValue::try_from(format!(r#"{challenge}{between} resource_metadata="{url}""#)).ok()
    }

    fn bare_challenge(&self, settings: &Refusals) -> Option<HeaderValue> {
        match (self.denial?, self.dialect) {
            (Denial::Sender(error), _) => sender::challenge(error, settings, self.dialect),
            (Denial::NoCredential, Dialect::Oauth) if sender::needs_dpop(self) => sender::bare(settings),
            (Denial::NoCredential, _) => Some(HeaderValue::from_static("Bearer")),
            (denial, _) if denial.is_ours() => None,
            (_, Dialect::PartnerCenter) => partner_center::challenge(self.status),
            (denial, Dialect::Oauth) => oauth::challenge(denial, self),
        }
    }

    /// Puts the fields into a response that every refusal has, whatever its body is.
    pub fn write_fields(&self, headers: &mut HeaderMap, settings: &Refusals) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(context) = &settings.request_context {
            headers.insert("request-context", context.clone());
        }
        if let Some(challenge) = self.challenge(settings) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }

    /// The media type of its body.
    #[must_use]
    pub fn media_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.dialect {
            Dialect::PartnerCenter => partner_center::MEDIA_TYPE,
            Dialect::Oauth => oauth::MEDIA_TYPE,
        })
    }
}
