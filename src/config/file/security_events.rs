//! Security events: who may tell that tokens and sessions end.

use schemars::JsonSchema;
use serde::Deserialize;

use super::SignInIssuer;

/// Security event tokens (RFC 8417), which end tokens and sessions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecurityEvents {
    /// How long a revocation is kept: as long as the longest life of an access token. Default `24h`.
    pub keep: Option<String>,
    /// How long ago a security event token may have been issued (`iat`). Default `7days`.
    pub max_age: Option<String>,
    /// Who may send them. At least one.
    pub transmitters: Vec<Transmitter>,
}

/// Somebody who may send security event tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Transmitter {
    /// The name that logs and metrics have for it.
    pub name: String,
    /// Who signs its tokens (`iss`): the name of one of the `issuers`, or an issuer of its own.
    pub issuer: SignInIssuer,
    /// What `aud` of its tokens holds.
    pub audience: String,
    /// The names of the `issuers` whose users it speaks of. Default: its own.
    pub issuers: Option<Vec<String>>,
    /// A file with the bearer tokens of which it presents one, each on its own line. Absent: the signature suffices.
    pub bearer_token_file: Option<String>,
    /// The claim of access tokens and ID tokens that holds a user's address, by which events may name users (`email`).
    /// Absent: events can't name users so.
    pub email_claim: Option<String>,
    /// The events that count. Default: all.
    pub events: Option<Vec<SecurityEventName>>,
}

impl Transmitter {
    /// The issuer that it has for itself.
    pub(in crate::config) fn own_issuer(&self) -> Option<&super::Issuer> {
        match &self.issuer {
            SignInIssuer::Named(_) => None,
            SignInIssuer::Own(issuer) => Some(issuer),
        }
    }

    /// The name of its issuer.
    pub(in crate::config) fn issuer_name(&self) -> &str {
        match &self.issuer {
            SignInIssuer::Named(name) => name,
            SignInIssuer::Own(issuer) => &issuer.name,
        }
    }
}

/// The name of an event.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum SecurityEventName {
    /// CAEP: a session was revoked.
    SessionRevoked,
    /// CAEP: a credential was changed, revoked or deleted.
    CredentialChange,
    /// CAEP: the assurance of an authentication decreased.
    AssuranceLevelChange,
    /// CAEP: claims of tokens have changed.
    TokenClaimsChange,
    /// RISC: an account was disabled.
    AccountDisabled,
    /// RISC: an account was deleted for good.
    AccountPurged,
    /// RISC: the user must change a credential.
    AccountCredentialChangeRequired,
    /// RISC: a credential was found elsewhere.
    CredentialCompromise,
    /// RISC: all sessions of an account were revoked.
    SessionsRevoked,
}
