//! The settings of a consent.

use std::time::Duration;

use mfa_gateway_keys::Metadata;

use crate::oidc::{Asks, ClientSettings, TenantEndpoint};

/// A consent that a person may give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentSettings {
    /// Its name, in logs, metrics and the store.
    pub name: String,
    /// The issuer of its tokens: the place in [`crate::config::Config::issuers`].
    pub issuer: usize,
    /// The client that programs act through.
    pub client: ClientSettings,
    /// What the person is asked for: MFA, anew.
    pub asks: Asks,
    /// The tenant in which it is given; `None` if the issuer has no tenants.
    pub tenant: Option<String>,
    /// The user who may give it; `None` if anybody in the tenant may.
    pub user: Option<String>,
    /// The role that the user needs; `None` if none is needed.
    pub role: Option<String>,
    /// How much the issuer's clock may differ.
    pub leeway: Duration,
    /// What access tokens are for, if nobody says otherwise: a scope.
    pub scope: Option<String>,
    /// Where tokens for other tenants come from.
    pub elsewhere: Option<TenantEndpoint>,
    /// Whether the issuer takes a refresh token that comes twice for stolen.
    pub single_use: bool,
    /// How long before they expire access tokens are replaced.
    pub margin: Duration,
    /// How long the issuer keeps a refresh token that isn't used.
    pub lapses: Duration,
}

impl ConsentSettings {
    /// The issuer's metadata for a tenant; `None` if it issues no tokens for that one.
    pub(super) fn metadata_for(&self, tenant: Option<&str>, metadata: &Metadata) -> Option<Metadata> {
        match tenant {
            None => Some(metadata.clone()),
            Some(tenant) if self.is_home(tenant) => Some(match &self.elsewhere {
                Some(endpoint) => metadata.with_token_endpoint(endpoint.of(tenant)?),
                None => metadata.clone(),
            }),
            Some(tenant) => Some(metadata.with_token_endpoint(self.elsewhere.as_ref()?.of(tenant)?)),
        }
    }

    /// Whether this is the tenant in which the consent is given.
    pub(super) fn is_home(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_some_and(|home| home.eq_ignore_ascii_case(tenant))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::oidc::{ClientAuthentication, ResponseMode};

    /// A consent with this name, for tests.
    pub(in super::super) fn settings(name: &str) -> ConsentSettings {
        ConsentSettings {
            name: name.to_owned(),
            issuer: 0,
            client: ClientSettings {
                client_id: "panel".to_owned(),
                authentication: ClientAuthentication::None,
                scopes: Vec::new(),
                response_mode: ResponseMode::Query,
                par: false,
                parameters: Vec::new(),
                timeout: Duration::from_secs(2),
                allow_http: false,
                authorities: Vec::new(),
            },
            asks: Asks::default(),
            tenant: Some("partner".to_owned()),
            user: None,
            role: None,
            leeway: Duration::from_secs(60),
            scope: Some("https://api.example/.default".to_owned()),
            elsewhere: None,
            single_use: false,
            margin: Duration::from_secs(300),
            lapses: Duration::from_secs(90 * 86_400),
        }
    }
}
