//! What a consent is used for: an access token, for one tenant and one scope.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{MfaFinding, MfaRule};
use mfa_gateway_core::token::{Amr, Claims, Unverified};

use super::state::ConsentState;

/// What an access token is wanted for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The tenant that the token is to be of; that of the consent if it isn't said.
    pub tenant: Option<String>,
    /// The scope; that of the consent if it isn't said.
    pub scope: Option<String>,
}

/// What stands before a token in `Authorization`.
const BEARER: &str = "Bearer ";

/// An access token.
pub struct Issued {
    /// When it expires.
    pub expires: Timestamp,
    /// Whether it has MFA; `None` if only its audience can read it.
    pub mfa: Option<bool>,
    /// How the person authenticated, as it says.
    pub amr: Vec<String>,
    /// Its tenant, as it says.
    pub tenant: Option<String>,
    /// The value of an `Authorization` field with it.
    pub bearer: HeaderValue,
    /// What the request that brought it is called at the issuer.
    pub request_id: String,
    /// Whether it has been used.
    used: AtomicBool,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expires, mfa, tenant, .. } = self;
        let mut shown = f.debug_struct("Issued");
        shown.field("expires", expires).field("mfa", mfa).field("tenant", tenant).finish_non_exhaustive()
    }
}

impl Issued {
    /// Reads what an access token says. The issuer gave it over TLS, and its audience verifies it.
    pub(super) fn of(access_token: &str, expires: Timestamp, rule: &MfaRule, request_id: String) -> Self {
        let claims = Unverified::parse(access_token).ok().map(Unverified::given);
        let claims = claims.as_ref();
        let amr = match claims.map(Claims::amr) {
            Some(Amr::Methods(methods)) => methods,
            _ => Vec::new(),
        };
        // What the token endpoint gives has visible characters alone.
        let mut bearer = HeaderValue::try_from([BEARER, access_token].concat())
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
        bearer.set_sensitive(true);
        Self {
            mfa: claims.map(|claims| rule.evaluate(claims) == MfaFinding::Proven),
            tenant: claims.and_then(|claims| claims.text("tid")).map(str::to_owned),
            used: AtomicBool::new(false),
            expires,
            amr,
            bearer,
            request_id,
        }
    }

    /// Whether nobody has used it before this call.
    #[must_use]
    pub fn is_first_use(&self) -> bool {
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }

    /// The token.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.bearer.to_str().ok().and_then(|bearer| bearer.strip_prefix(BEARER)).unwrap_or_default()
    }

    /// Its SHA-256 hash in base64url, by which logs tell it from others.
    #[must_use]
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.access_token().as_bytes()))
    }
}

/// Why there is no access token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The consent can't be used.
    #[error("the consent is {}", .0.code())]
    Consent(ConsentState),
    /// Nobody consented for this tenant or scope, or the tenant's own policy refuses.
    #[error("the issuer gives no token for this tenant or scope ({0})")]
    Tenant(String),
    /// The issuer has no tenants, or the tenant's id isn't one.
    #[error("the consent is for no such tenant")]
    NoSuchTenant,
    /// No scope is asked for, and the configuration names none.
    #[error("no scope is asked for")]
    NoScope,
    /// The issuer can't be used at this moment.
    #[error("the issuer can't be used at this moment ({0})")]
    Issuer(String),
    /// The issuer gave a token of another user, tenant or issuer.
    #[error("the issuer gave a token of another {0}")]
    Foreign(&'static str),
    /// Too many tokens of the consent are under way.
    #[error("too many tokens of it are being fetched at this moment")]
    Busy,
    /// The store can't be used at this moment.
    #[error("the store can't be used at this moment")]
    Store,
    /// None of the keys opens what is stored.
    #[error("none of `consent_keys` opens the stored consent: the key {0} sealed it")]
    Sealed(String),
}

impl TokenError {
    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Consent(state) => state.code(),
            Self::Tenant(_) => "consent_missing",
            Self::NoSuchTenant => "no_such_tenant",
            Self::NoScope => "no_scope",
            Self::Issuer(_) => "issuer_unavailable",
            Self::Foreign(_) => ConsentState::Foreign.code(),
            Self::Busy => "busy",
            Self::Store => "store_unavailable",
            Self::Sealed(_) => ConsentState::Sealed.code(),
        }
    }

    /// The issuer's own code, if it said one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Tenant(why) | Self::Issuer(why) => Some(why),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Consent(state) => state.remedy(),
            Self::Tenant(_) => {
                "Have the customer's tenant consent to the application for this resource, or see which policy there refuses."
            }
            Self::NoSuchTenant => "Ask for the consent's own tenant, or set `tenant_token_endpoint` of the consent.",
            Self::NoScope => "Ask for a `scope`, or set the consent's own.",
            Self::Foreign(_) => ConsentState::Foreign.remedy(),
            Self::Busy => "Try again in a moment, for fewer tenants and scopes at once.",
            Self::Issuer(_) | Self::Store => "Try again in a moment.",
            Self::Sealed(_) => ConsentState::Sealed.remedy(),
        }
    }

    /// Whether another time it may work.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Issuer(_) | Self::Store | Self::Busy)
    }
}
