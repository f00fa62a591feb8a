//! The faults themselves: what can be wrong with each response and token. [`Faults`](super::Faults) sets them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything that can be wrong; the default is an honest provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultSet {
    /// The discovery document.
    pub discovery: ResponseFault,
    /// The key set.
    pub keys: ResponseFault,
    /// The token endpoint, for codes and client credentials.
    pub token: ResponseFault,
    /// The token endpoint, for refresh tokens.
    pub refresh: ResponseFault,
    /// The endpoint for pushed authorization requests.
    pub pushed: ResponseFault,
    /// Whether authorization requests must be pushed (RFC 9126 §5).
    pub require_pushed: bool,
    /// The authorization response.
    pub authorize: AuthorizeFault,
    /// Who signs in, and how.
    pub sign_in: SignInFault,
    /// The ID token of a sign-in.
    pub id_token: TokenFault,
    /// The ID token of a refresh. It has no `nonce` and no `amr` unless `claims` adds them.
    pub refreshed_id_token: TokenFault,
    /// Every access token of a user.
    pub access_token: TokenFault,
    /// How refresh tokens live.
    pub refresh_token: RefreshTokenFault,
    /// The logout tokens that go to back-channel endpoints.
    pub logout_token: TokenFault,
}

/// What can be wrong with a response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResponseFault {
    /// Another status; with `body`, that is all the response says.
    pub status: Option<u16>,
    /// An error of Entra's in its place, by its number.
    pub aadsts: Option<u32>,
    /// The field `Retry-After`.
    pub retry_after: Option<u32>,
    /// The tenant whose endpoint goes wrong; without it, all do.
    pub tenant: Option<String>,
    /// How long the response takes, in milliseconds.
    pub delay_ms: u64,
    /// Something else in its place.
    pub instead: Option<Instead>,
    /// The request takes effect before its response goes wrong.
    pub late: bool,
    /// Members to set in the JSON of the response; null takes one away.
    pub body: Map<String, Value>,
    /// How often the fault happens; without it, until it is taken back.
    pub times: Option<u32>,
}

/// What comes in the place of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// 307 to the same address.
    Redirect,
    /// A body of blanks that never ends.
    Endless,
    /// A head, and then nothing.
    Stalled,
    /// A body that is not JSON.
    Garbage,
    /// The end of the connection.
    HangUp,
}

/// What can be wrong with an authorization response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthorizeFault {
    /// Responds with this error at once.
    pub error: Option<String>,
    /// The description of the error.
    pub error_description: Option<String>,
    /// Signs in all the same, and sends the error and the code.
    pub code_too: bool,
    /// The parameter `state`.
    pub state: Presence,
    /// The parameter `iss` (RFC 9207).
    pub iss: IssFault,
    /// A parameter that comes twice.
    pub repeat: Option<String>,
    /// How long the response takes, in milliseconds.
    pub delay_ms: u64,
}

/// What can be wrong with a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInFault {
    /// Signs this user in without a page, no matter who is asked for.
    pub user: Option<String>,
    /// What becomes of MFA.
    pub mfa: MfaStep,
}

/// What becomes of MFA at a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MfaStep {
    /// A page asks for it.
    #[default]
    Asked,
    /// Nobody completes it, though it is asked for.
    Skipped,
    /// It happens without a page.
    Pressed,
}

/// What can be wrong with a token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenFault {
    /// Another kind of token in its place.
    pub kind: Kind,
    /// The claim `nonce`.
    pub nonce: NonceFault,
    /// The claim `at_hash`.
    pub at_hash: Presence,
    /// Claims to set to a time this many seconds from now.
    pub relative: BTreeMap<String, i64>,
    /// Claims to set; null takes one away.
    pub claims: Map<String, Value>,
    /// Members to set in the header; null takes one away.
    pub header: Map<String, Value>,
    /// The key that signs.
    pub key: SignedBy,
    /// Entra's pointer in place of groups (`_claim_names`).
    pub overage: bool,
    /// This many groups more.
    pub groups: u32,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The one that is asked for.
    #[default]
    Right,
    /// A logout token.
    LogoutToken,
    /// An access token.
    AccessToken,
}

/// Whether something is there and right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There and right.
    #[default]
    Right,
    /// There and wrong.
    Wrong,
    /// Not there.
    Missing,
}

/// The claim `nonce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceFault {
    /// The client's.
    #[default]
    Right,
    /// Made up.
    Wrong,
    /// Not there.
    Missing,
    /// That of the sign-in before.
    Replayed,
}

/// The parameter `iss` of an authorization response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssFault {
    /// The issuer.
    #[default]
    Right,
    /// Not there.
    Missing,
    /// Another issuer.
    Foreign,
    /// The issuer but for its last character.
    Wrong,
    /// The issuer, and once more.
    Twice,
}

/// The key that signs a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedBy {
    /// The published key.
    #[default]
    Own,
    /// An unpublished key, under the id of the published one.
    Foreign,
    /// No key: `alg` is `none`.
    None,
    /// The client's secret: `alg` is `HS256`.
    Secret,
}

/// How refresh tokens live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefreshTokenFault {
    /// A refresh brings no new refresh token; the old one stays good.
    pub kept: bool,
    /// Spent refresh tokens stay good, as Entra's do.
    pub reusable: bool,
    /// How long after the sign-in they are good, in seconds: Entra's sign-in frequency.
    pub lifetime_secs: Option<u64>,
    /// How long after the sign-in MFA counts, in seconds: Entra's "remember MFA".
    pub mfa_lifetime_secs: Option<u64>,
}
