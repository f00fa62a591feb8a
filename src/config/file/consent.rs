//! Consents: what programs that run unattended use in the place of a person.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AssertionAudience, ClientAuthentication, Credentials, Endpoint, SignIn};

/// A consent that a person gives once with MFA, so that a program can act for that person unattended.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Consent {
    /// The name that commands, logs and metrics have for it.
    pub name: String,
    /// The name of one of the `issuers`.
    pub issuer: String,
    /// Which endpoint of Microsoft Entra ID is used: `v1` or `v2`. Default `v2`.
    pub endpoint: Option<Endpoint>,
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
    /// The tenant in which the consent is given. Somebody of another one is refused.
    pub tenant: Option<String>,
    /// The user who may give it: the object id (`oid`), or `sub` if the issuer has none. Default: any user of the tenant.
    pub user: Option<String>,
    /// One of the `roles`, which the user who gives it needs, as the ID token's claims give it. Default: none.
    pub role: Option<String>,
    /// What access tokens are for, if nobody says otherwise: `https://api.partnercenter.microsoft.com/.default`.
    pub scope: Option<String>,
    /// The scopes that the person consents to. Default: `openid`, `profile`, `offline_access`, and `scope`.
    pub scopes: Option<Vec<String>>,
    /// The address of the token endpoint of any tenant, with `{tenant}` in its path. Default: Entra's; other issuers give
    /// tokens for one tenant alone.
    pub tenant_token_endpoint: Option<String>,
    /// Other parameters of the authorization request, by their names.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether the issuer takes a refresh token that comes twice for stolen. Default: `false` for Entra, `true` for others.
    pub single_use: Option<bool>,
    /// How long the issuer keeps a refresh token that isn't used. Default `90days`.
    pub lapses: Option<String>,
    /// How long before they expire access tokens are replaced. Default `5m`.
    pub margin: Option<String>,
    /// The deadline of one request to the issuer's token endpoint. Default `10s`.
    pub timeout: Option<String>,
}

impl Consent {
    /// How the client authenticates.
    pub(in crate::config) fn credentials(&self) -> Credentials<'_> {
        Credentials {
            authentication: self.authentication,
            client_secret_file: self.client_secret_file.as_deref(),
            private_key_file: self.private_key_file.as_deref(),
            certificate_file: self.certificate_file.as_deref(),
            key_id: self.key_id.as_deref(),
            key_algorithm: self.key_algorithm.as_deref(),
            assertion_audience: self.assertion_audience,
        }
    }
}

impl SignIn {
    /// How the client authenticates.
    pub(in crate::config) fn credentials(&self) -> Credentials<'_> {
        Credentials {
            authentication: self.authentication,
            client_secret_file: self.client_secret_file.as_deref(),
            private_key_file: self.private_key_file.as_deref(),
            certificate_file: self.certificate_file.as_deref(),
            key_id: self.key_id.as_deref(),
            key_algorithm: self.key_algorithm.as_deref(),
            assertion_audience: self.assertion_audience,
        }
    }
}
