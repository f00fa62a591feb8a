//! How people sign in with a browser.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AssertionAudience, ClientAuthentication, Issuer};

/// A way for people to sign in with a browser: a client at an issuer, for the pages of one origin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SignIn {
    /// The name that routes refer to; in logs and metrics.
    pub name: String,
    /// The name of one of the `issuers`, or an issuer of its own, written as there. It signs the ID tokens, and its
    /// `mfa_evidence` says what proves MFA in them.
    pub issuer: SignInIssuer,
    /// Which endpoint of Microsoft Entra ID is used: `v1` or `v2`. Default `v2`.
    pub endpoint: Option<Endpoint>,
    /// The origin at which browsers see the gateway: `https://portal.example.com`. `http` only for loopback.
    pub public_url: String,
    /// Below this path are the gateway's own pages: the start of a sign-in, the sign-out and others. Default
    /// `/.mfa-gateway/`.
    pub base_path: Option<String>,
    /// The path that the issuer redirects to. Default: `callback` below `base_path`.
    pub redirect: Option<String>,
    /// The client's id at the issuer.
    pub client_id: String,
    /// A file with the client's secret.
    pub client_secret_file: Option<String>,
    /// A PEM file with the client's private key, for `private_key_jwt`.
    pub private_key_file: Option<String>,
    /// A PEM file with the certificate of that key, if the issuer knows the key by it, as Entra does.
    pub certificate_file: Option<String>,
    /// The name (`kid`) by which the issuer knows the private key.
    pub key_id: Option<String>,
    /// The algorithm that the private key signs with: `RS256` or `PS256` for RSA, that of its curve for EC. Default `RS256`.
    pub key_algorithm: Option<String>,
    /// Whom an assertion is for: the `token_endpoint` or the `issuer`. Default `token_endpoint`.
    #[serde(default)]
    pub assertion_audience: AssertionAudience,
    /// How the client authenticates. Default: `private_key_jwt` with a private key, `basic` with a secret.
    pub authentication: Option<ClientAuthentication>,
    /// The scopes. Default: `openid`, and `offline_access` if tokens are refreshed.
    pub scopes: Option<Vec<String>>,
    /// How the issuer sends its response: in the `query` of a redirect, or as a form (`form_post`). Default `query`.
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// Whether requests are pushed to the issuer first (RFC 9126). Default `false`.
    #[serde(default)]
    pub par: bool,
    /// The address of the authorization endpoint of any tenant, with `{tenant}` in its path, for routes with a `context`.
    /// Default: Entra's; with other issuers, nobody is sent to a tenant.
    pub tenant_authorization_endpoint: Option<String>,
    /// The address of the token endpoint of any tenant, with `{tenant}` in its path. Default: Entra's.
    pub tenant_token_endpoint: Option<String>,
    /// Other parameters of each authorization request, by their names: `{ resource: api://portal }`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The deadline of one request to the issuer's token endpoint. Default `10s`.
    pub timeout: Option<String>,
    /// What each sign-in asks for.
    #[serde(default)]
    pub asks: Asks,
    /// What a step-up asks for. Default: what the issuer's product needs to ask for MFA.
    pub step_up: Option<Asks>,
    /// The sessions that follow.
    #[serde(default)]
    pub session: Session,
    /// How long a sign-in may take. Default `10m`.
    pub transaction: Option<String>,
    /// How sessions end with the issuer's.
    #[serde(default)]
    pub logout: Logout,
    /// A directory with templates that take the place of the gateway's own pages.
    pub pages: Option<String>,
}

impl SignIn {
    /// The issuer that it has for itself.
    pub(in crate::config) fn own_issuer(&self) -> Option<&Issuer> {
        match &self.issuer {
            SignInIssuer::Named(_) => None,
            SignInIssuer::Own(issuer) => Some(issuer),
        }
    }
}

/// The issuer of a sign-in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum SignInIssuer {
    /// The name of one of the `issuers`.
    Named(String),
    /// An issuer of its own. Its access tokens aren't accepted.
    Own(Box<Issuer>),
}

/// An endpoint of Microsoft Entra ID.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Endpoint {
    /// `/oauth2/authorize`, whose ID tokens have `amr`.
    V1,
    /// `/oauth2/v2.0/authorize`.
    V2,
}

/// How an issuer sends its response.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ResponseMode {
    /// In the query of a redirect.
    #[default]
    Query,
    /// As a form that the browser posts.
    FormPost,
}

/// What an authorization request asks for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Asks {
    /// `acr_values`, the most wanted first (OpenID Connect Core section 3.1.2.1).
    pub acr_values: Option<Vec<String>>,
    /// `claims`, as a JSON object (OpenID Connect Core section 5.5).
    pub claims: Option<String>,
    /// `amr_values`, which Entra's v1 endpoint knows: `[mfa]`.
    pub amr_values: Option<Vec<String>>,
    /// `prompt`: `login`, `consent`, `select_account`.
    pub prompt: Option<String>,
    /// `max_age`. A route with a `max_age` asks for its own.
    pub max_age: Option<String>,
}

/// Sessions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Session {
    /// How long a session may not be used before it ends. Default `1h`.
    pub idle: Option<String>,
    /// How long a session lasts at most. Default `12h`.
    pub absolute: Option<String>,
    /// Whether tokens are refreshed: `off`, or the `margin` before they expire. Default: `{ margin: 1m }` if a route
    /// forwards the access token, else `off`.
    pub refresh: Option<Refresh>,
    /// The name of the cookie, without `__Host-`, which the gateway puts before it. Default `mfa-gateway`.
    pub cookie: Option<String>,
    /// Files with the keys that seal cookies: the first seals, all open. Each has 32 random bytes: `openssl rand -base64
    /// 32`. Absent: a random key, and sessions end with the process.
    pub keys: Option<Vec<String>>,
    /// How many sessions a user may have; another sign-in ends the oldest. 1 to 100. Default: any number.
    #[schemars(range(min = 1, max = 100))]
    pub per_user: Option<u32>,
    /// What upstreams receive of the user besides the identity fields: `name`, `email`. Default: nothing.
    #[serde(default)]
    pub display: Vec<Display>,
}

/// Whether tokens are refreshed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum Refresh {
    /// The word `off`.
    Word(RefreshWord),
    /// They are.
    Before(RefreshBefore),
}

/// The word `off`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RefreshWord {
    /// Tokens aren't refreshed.
    Off,
}

/// When tokens are refreshed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RefreshBefore {
    /// How long before the access token expires.
    pub margin: String,
}

/// Something that upstreams receive of a user.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Display {
    /// The name (`name`).
    Name,
    /// The mail address (`email`).
    Email,
}

/// How sessions end with the issuer's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Logout {
    /// Whether a sign-out ends the issuer's session too (OpenID Connect RP-Initiated Logout). Default `true`.
    pub at_issuer: Option<bool>,
    /// Whether the issuer may end sessions from its server (OpenID Connect Back-Channel Logout). Default `true`.
    pub back_channel: Option<bool>,
    /// Whether the issuer may end sessions from its page (OpenID Connect Front-Channel Logout, and Entra's form of it).
    /// Default `true`.
    pub front_channel: Option<bool>,
}

/// Where sessions and exceptions are stored.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Store {
    /// A Postgres database, which replicas share: `postgres://user@host/database`. Absent: SQLite in `state.directory`,
    /// for one process; without that, memory.
    pub postgres: Option<String>,
    /// A file with the database's password. It is read at each connection.
    pub password_file: Option<String>,
    /// A PEM file with the authorities that may have signed the database's certificate. Default: the system's.
    pub ca_file: Option<String>,
    /// The schema of the tables. Default: the first in the user's search path.
    pub schema: Option<String>,
    /// The most connections at once, besides the one that listens. Default 8.
    pub connections: Option<u32>,
    /// The deadline of one operation. Default `2s`.
    pub timeout: Option<String>,
    /// How long sessions go on, and granted exceptions help, while the store can't be reached. Default `10m`.
    pub outage: Option<String>,
}
