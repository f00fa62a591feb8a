//! What operators ask of consents.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::admin::posted::Question;
use crate::gateway::Notice;

const UNREADABLE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body does not say which consent is meant, or lacks a member.",
    remedy: r#"Send `{"consent": "…"}`; to begin one, also `redirect_uri`, an https address or one of loopback; to finish one, also the `transaction` and the `callback`, the query that the browser came back with."#,
};

/// Which consent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ConsentQuestion {
    /// Its name.
    pub(super) consent: String,
}

/// Which consent begins, and where the browser comes back to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct BeginQuestion {
    /// Its name.
    pub(super) consent: String,
    /// The redirect URI, as the client's registration has it.
    pub(super) redirect_uri: String,
}

/// Whether sealing keys take over, or are only looked at.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RewrapQuestion {
    /// Whether nothing is to be changed.
    #[serde(default)]
    pub(super) check: bool,
}

/// What the browser came back with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct FinishQuestion {
    /// Its name.
    pub(super) consent: String,
    /// What `begin` gave.
    pub(super) transaction: String,
    /// The query, or the form, that the browser came back with: `code=…&state=…`.
    pub(super) callback: String,
}

impl std::fmt::Debug for FinishQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishQuestion").field("consent", &self.consent).finish_non_exhaustive()
    }
}

impl Question for ConsentQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;
}

impl Question for BeginQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;

    fn is_sound(&self) -> bool {
        // A code must reach the one who asked, and nobody on the way.
        let url = Url::parse(&self.redirect_uri);
        url.is_ok_and(|url| url.scheme() == "https" || url.scheme() == "http" && mfa_gateway_keys::is_loopback(&url))
    }
}

impl Question for RewrapQuestion {
    const UNREADABLE: &'static Notice = &Notice {
        status: StatusCode::BAD_REQUEST,
        code: "malformed_request",
        description: "The body does not say whether anything is to be changed.",
        remedy: r#"Send `{}`, or `{"check": true}` to change nothing."#,
    };
}

impl Question for FinishQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;
}
