//! The settings of a consent.

use std::time::Duration;

use mfa_gateway_keys::Metadata;
use url::Url;

use crate::oidc::{Asks, ClientSettings};

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

/// The token endpoint of any tenant: an address with a place for the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEndpoint {
    /// What stands before the tenant.
    pub before: String,
    /// What stands after it.
    pub after: String,
}

impl TenantEndpoint {
    /// Reads an address with `{tenant}` in its path. `None` if it has none, or is no address.
    #[must_use]
    pub fn parse(template: &str) -> Option<Self> {
        let (before, after) = template.split_once("{tenant}")?;
        let endpoint = Self { before: before.to_owned(), after: after.to_owned() };
        let url = endpoint.of("00000000-0000-0000-0000-000000000000")?;
        let has_origin = before.splitn(4, '/').count() == 4;
        (has_origin && !after.contains(['{', '}']) && url.host().is_some()).then_some(endpoint)
    }

    /// The address for a tenant, whose id has letters, digits, dashes and dots.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Option<Url> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if tenant.is_empty() || tenant.len() > 128 || tenant.starts_with('.') || !tenant.bytes().all(is_fine) {
            return None;
        }
        Url::parse(&[&self.before, tenant, &self.after].concat()).ok()
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_own_endpoint_and_nothing_else_gets_into_the_address() {
        let endpoint = TenantEndpoint::parse("https://login.example/{tenant}/oauth2/v2.0/token").unwrap();
        assert_eq!(
            endpoint.of("contoso.example").unwrap().as_str(),
            "https://login.example/contoso.example/oauth2/v2.0/token"
        );
        for odd in ["", "..", ".", "a/b", "a?b", "a#b", "a%2fb", "a b", "@evil", &"x".repeat(200)] {
            assert_eq!(endpoint.of(odd), None, "{odd}");
        }
        for odd in [
            "https://login.example/token",
            "https://{tenant}/token",
            "https://{tenant}.example/token",
            "{tenant}",
            "https://login.example/{tenant}/{tenant}",
        ] {
            assert_eq!(TenantEndpoint::parse(odd), None, "{odd}");
        }
    }
}
