//! Why a sign-in failed: the issuer's errors, and what is wrong with what it sent.

use http::StatusCode;

use super::entra;
use super::text::Text;

/// A sign-in that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What failed.
    pub kind: FailureKind,
    /// Entra's number, as in `AADSTS50105`. It chooses a text and is shown; no decision depends on it.
    pub number: Option<u32>,
}

/// What failed: first the errors that an issuer reports, then what the gateway finds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// `access_denied` (RFC 6749 section 4.1.2.1).
    AccessDenied,
    /// `login_required` (OpenID Connect Core section 3.1.2.6).
    LoginRequired,
    /// `interaction_required`.
    InteractionRequired,
    /// `consent_required`.
    ConsentRequired,
    /// `account_selection_required`.
    AccountSelectionRequired,
    /// `unmet_authentication_requirements` (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements`).
    UnmetRequirements,
    /// Errors of the set-up: `invalid_request`, `unauthorized_client`, `invalid_scope` and the like.
    Setup,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// Any other error that the issuer reports.
    Other,
    /// The issuer can't be reached, or its documents are unusable.
    Unreachable,
    /// The issuer doesn't accept the gateway's own credential (`invalid_client`).
    ClientRejected,
    /// The code is no longer valid, or was used (`invalid_grant`).
    CodeRejected,
    /// The response isn't the issuer's, or has a wrong form: RFC 9207, repeated parameters, an error with a code.
    InvalidResponse,
    /// The ID token is not acceptable.
    InvalidIdToken,
    /// The ID token had expired when it came.
    ExpiredIdToken,
    /// The issuer sent back an ID token of another tenant than the one that was asked for.
    WrongTenant,
    /// The browser signs in over and over, and the session that it gets doesn't count.
    SessionLost,
}

impl Failure {
    /// The failure of an issuer's `error`.
    #[must_use]
    pub fn reported(error: &str, number: Option<u32>) -> Self {
        Self { kind: FailureKind::reported(error), number }
    }

    pub(super) fn text(self) -> &'static Text {
        self.number.and_then(entra::text).unwrap_or_else(|| self.kind.text())
    }
}

impl From<FailureKind> for Failure {
    fn from(kind: FailureKind) -> Self {
        Self { kind, number: None }
    }
}

impl FailureKind {
    /// The kind of an issuer's `error`, at its authorization or its token endpoint.
    #[must_use]
    pub fn reported(error: &str) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "login_required" => Self::LoginRequired,
            "interaction_required" => Self::InteractionRequired,
            "consent_required" => Self::ConsentRequired,
            "account_selection_required" => Self::AccountSelectionRequired,
            "unmet_authentication_requirements" => Self::UnmetRequirements,
            "invalid_request"
            | "unauthorized_client"
            | "unsupported_response_type"
            | "invalid_scope"
            | "invalid_target"
            | "invalid_resource"
            | "invalid_request_uri"
            | "invalid_request_object"
            | "request_not_supported"
            | "request_uri_not_supported"
            | "registration_not_supported"
            | "unsupported_grant_type" => Self::Setup,
            "server_error" => Self::ServerError,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "invalid_client" => Self::ClientRejected,
            "invalid_grant" => Self::CodeRejected,
            _ => Self::Other,
        }
    }

    /// The reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "sign_in_access_denied",
            Self::LoginRequired => "sign_in_login_required",
            Self::InteractionRequired => "sign_in_interaction_required",
            Self::ConsentRequired => "sign_in_consent_required",
            Self::AccountSelectionRequired => "sign_in_account_selection_required",
            Self::UnmetRequirements => "sign_in_unmet_requirements",
            Self::Setup => "sign_in_setup",
            Self::ServerError => "sign_in_server_error",
            Self::TemporarilyUnavailable => "sign_in_temporarily_unavailable",
            Self::Other => "sign_in_failed",
            Self::Unreachable => "sign_in_unreachable",
            Self::ClientRejected => "sign_in_client_rejected",
            Self::CodeRejected => "sign_in_code_rejected",
            Self::InvalidResponse => "sign_in_invalid_response",
            Self::InvalidIdToken => "sign_in_invalid_id_token",
            Self::ExpiredIdToken => "sign_in_expired_id_token",
            Self::WrongTenant => "sign_in_wrong_tenant",
            Self::SessionLost => "sign_in_session_lost",
        }
    }

    /// The status that fits: 403 for what the issuer refuses, 5xx for its troubles and ours, 400 for a damaged response.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::ServerError | Self::TemporarilyUnavailable | Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ClientRejected | Self::InvalidIdToken => StatusCode::BAD_GATEWAY,
            Self::InvalidResponse | Self::SessionLost => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        }
    }

    fn text(self) -> &'static Text {
        match self {
            Self::AccessDenied => &ACCESS_DENIED,
            Self::LoginRequired | Self::AccountSelectionRequired => &SIGN_IN_REQUIRED,
            Self::InteractionRequired => &INTERACTION_REQUIRED,
            Self::ConsentRequired => &CONSENT_REQUIRED,
            Self::UnmetRequirements => &UNMET_REQUIREMENTS,
            Self::Setup | Self::ClientRejected => &SETUP,
            Self::ServerError | Self::TemporarilyUnavailable | Self::Unreachable => &UNAVAILABLE,
            Self::CodeRejected => &CODE_REJECTED,
            Self::InvalidResponse => &INVALID_RESPONSE,
            Self::InvalidIdToken => &INVALID_ID_TOKEN,
            Self::ExpiredIdToken => &EXPIRED_ID_TOKEN,
            Self::WrongTenant => &WRONG_TENANT,
            Self::SessionLost => &SESSION_LOST,
            Self::Other => &OTHER,
        }
    }
}

const ACCESS_DENIED: Text = Text {
    title: "The sign-in was declined",
    paragraphs: &[
        "You cancelled the sign-in, or the sign-in service doesn't let your account use this site.",
        "Try again. If you didn't cancel, ask the people who manage your account for access.",
    ],
};

const SIGN_IN_REQUIRED: Text = Text {
    title: "You have to sign in",
    paragraphs: &["The sign-in service needs you to sign in or to choose an account, and it didn't ask. Try again."],
};

const INTERACTION_REQUIRED: Text = Text {
    title: "The sign-in isn't complete",
    paragraphs: &["The sign-in service needs something else from you, and it didn't ask for it. Try again."],
};

const CONSENT_REQUIRED: Text = Text {
    title: "This site needs consent",
    paragraphs: &[
        "The sign-in service wants somebody to agree that this site may read who you are.",
        "Try again and accept. If you aren't asked, an administrator of your organization has to agree.",
    ],
};

const UNMET_REQUIREMENTS: Text = Text {
    title: "You couldn't be signed in the way this page needs",
    paragraphs: &[
        "This page needs a stronger sign-in, usually MFA, and the sign-in service can't do that for your account now.",
        "Set up MFA for your account, or ask the people who manage it. Then try again.",
    ],
};

const SETUP: Text = Text {
    title: "Sign-in isn't set up correctly",
    paragraphs: &[
        "The sign-in service rejects what this site sends. You did nothing wrong, and trying again doesn't help yet.",
        "Tell the people who operate this site, with the codes on this page.",
    ],
};

const UNAVAILABLE: Text = Text {
    title: "The sign-in service isn't available",
    paragraphs: &["Nobody can sign in at the moment. Wait a minute, and try again."],
};

const CODE_REJECTED: Text = Text {
    title: "The sign-in took too long",
    paragraphs: &["The sign-in service's response is no longer valid, or was used before. Try again."],
};

const INVALID_RESPONSE: Text = Text {
    title: "The sign-in's response can't be used",
    paragraphs: &[
        "It is damaged, or didn't come from the sign-in service. For your safety nobody was signed in. Try again.",
    ],
};

const INVALID_ID_TOKEN: Text = Text {
    title: "The sign-in can't be verified",
    paragraphs: &[
        "The sign-in service's proof of who you are doesn't hold. For your safety nobody was signed in.",
        "Try again. If that doesn't help, tell the people who operate this site, with the codes on this page.",
    ],
};

const EXPIRED_ID_TOKEN: Text = Text {
    title: "The sign-in took too long",
    paragraphs: &[
        "The proof of your sign-in had expired when it came back. That happens if a step of the sign-in takes long.",
        "Try again. If it happens at once, the clock of a server is wrong: tell the people who operate this site.",
    ],
};

const WRONG_TENANT: Text = Text {
    title: "You signed in to another organization",
    paragraphs: &[
        "This page is about one organization, and the sign-in service signed you in to another. Nothing was changed.",
        "Try again, and choose the account that works for this organization. MFA has to be done there. If the sign-in \
         service manages the account, it asks for it; if your own organization's sign-in service manages it, that one must do \
         MFA, and say so.",
    ],
};

const SESSION_LOST: Text = Text {
    title: "This site doesn't recognize your sign-in",
    paragraphs: &[
        "You signed in, but the session that you got doesn't count. Signing in again at once would not change that.",
        "Try again in a minute. If that doesn't help, give your help desk the codes on this page.",
    ],
};

const OTHER: Text = Text {
    title: "The sign-in failed",
    paragraphs: &[
        "The sign-in service didn't sign you in. Try again.",
        "If that doesn't help, give your help desk the codes on this page.",
    ],
};
