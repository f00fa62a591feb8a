//! Why a program gets nothing of a consent.

use http::{HeaderName, StatusCode};

use crate::consent::{ConsentState, Forbidden, Keeper, TokenError};

/// Why a program gets nothing of a consent, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentFault {
    /// The status: 403 if the program may not have it, 409 if the consent can't be used, 503 if it can't at this moment.
    pub status: StatusCode,
    /// The stable reason code.
    pub code: &'static str,
    /// The description, in one sentence.
    pub description: String,
    /// The remedy.
    pub remedy: &'static str,
}

/// The program may not have it.
pub(super) const NOT_ALLOWED: &str = "consent_not_allowed";

impl ConsentFault {
    /// The caller isn't one of the programs.
    pub(super) fn caller() -> Self {
        let description = "The caller is none of the programs that may use consents.";
        let remedy = "Call with an app-only token or a client certificate of a program that `consent_callers` lists.";
        Self::forbidden(description.to_owned(), remedy)
    }

    /// The program may not use the consent, or there is none of that name.
    pub(super) fn consent() -> Self {
        let description = "This program may not use this consent.";
        Self::forbidden(description.to_owned(), "Have the consent added to the program's entry in `consent_callers`.")
    }

    /// The program may not have this of the consent.
    pub(super) fn of(forbidden: Forbidden, keeper: &Keeper) -> Self {
        let (what, remedy) = match forbidden {
            Forbidden::Consent => return Self::consent(),
            Forbidden::Scope => {
                ("scope", "Have the scope added to `scopes` of the program's entry in `consent_callers`.")
            }
            Forbidden::Tenant => {
                ("tenant", "Have the tenant added to `tenants` of the program's entry in `consent_callers`.")
            }
        };
        let name = &keeper.settings().name;
        Self::forbidden(format!("This program may not use the consent `{name}` for this {what}."), remedy)
    }

    /// The program gets no access token itself.
    pub(super) fn tokens() -> Self {
        let description = "This program may not have access tokens itself: only upstreams receive them.";
        let remedy =
            "Call a route with `credential: { consent: … }`, or have `tokens: true` added to the program's entry.";
        Self::forbidden(description.to_owned(), remedy)
    }

    /// What is to be a tenant's id is none.
    pub(super) fn tenant() -> Self {
        let description = "The request names no tenant: a tenant's id or domain has letters, digits, dashes and dots.";
        Self::malformed(description.to_owned(), "Send the tenant's id.")
    }

    /// The field that names the tenant is missing, or is there twice.
    pub(super) fn header(name: &HeaderName) -> Self {
        let description = format!("The field `{name}`, which names the tenant, must be there exactly once.");
        Self::malformed(description, "Send the tenant's id in it.")
    }

    /// What is asked of the broker can't be read.
    pub(super) fn question(what: &str) -> Self {
        let remedy = "Send JSON or a form: `{\"consent\": \"nightly\", \"scope\": \"…\", \"tenant\": \"…\"}`. Only `consent` \
                      is required.";
        Self::malformed(format!("The body {what}."), remedy)
    }

    /// The consent's access tokens have no MFA.
    pub(super) fn no_mfa(keeper: &Keeper) -> Self {
        let (name, state) = (&keeper.settings().name, ConsentState::NoMfa);
        let description = format!("The access tokens of the consent `{name}` have no MFA, and this route requires it.");
        Self { status: StatusCode::CONFLICT, code: "consent_unusable", description, remedy: state.remedy() }
    }

    /// The consent gives no access token.
    pub(super) fn token(keeper: &Keeper, error: &TokenError) -> Self {
        let name = &keeper.settings().name;
        let (status, code) = match error {
            TokenError::Consent(_) | TokenError::Foreign(_) => (StatusCode::CONFLICT, "consent_unusable"),
            TokenError::Tenant(_) | TokenError::NoSuchTenant | TokenError::NoScope => {
                (StatusCode::CONFLICT, "consent_missing")
            }
            TokenError::Issuer(_) | TokenError::Busy | TokenError::Store | TokenError::Sealed(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "consent_unavailable")
            }
        };
        Self {
            status,
            code,
            description: format!("The consent `{name}` gives no access token: {error}."),
            remedy: error.remedy(),
        }
    }

    /// After how many seconds another try may succeed, if that is due to time alone.
    pub(in crate::gateway) fn retry_after(&self) -> Option<u64> {
        (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(5)
    }

    fn forbidden(description: String, remedy: &'static str) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: NOT_ALLOWED, description, remedy }
    }

    fn malformed(description: String, remedy: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "malformed_request", description, remedy }
    }
}
