//! Endpoints of any tenant, from the file to what is used.

use url::Url;

use super::problem::Problems;
use crate::oidc::TenantEndpoint;
use mfa_gateway_core::token::{EntraVersion, IssuerRule};
use mfa_gateway_keys::{KeySettings, is_loopback};

/// An endpoint by its names: in the file's words, and in Entra's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Authorization,
    Token,
}

/// Reads an endpoint of any tenant from a field that ends with its role; without that, it is Entra's, if the issuer is.
pub(super) fn read(
    path: &str,
    (role, template): (Role, Option<&str>),
    (issuer, keys): (&IssuerRule, Option<&KeySettings>),
    problems: &mut Problems<'_>,
) -> Option<TenantEndpoint> {
    let Some(template) = template else { return of_entra(issuer, role) };
    let endpoint = TenantEndpoint::parse(template);
    let url = endpoint.as_ref().and_then(|endpoint| endpoint.of("tenant"));
    let is_secure = |url: &Url| url.scheme() == "https" || keys.is_some_and(|keys| keys.allow_http) || is_loopback(url);
    if !url.is_some_and(|url| is_secure(&url)) {
        let (field, message, last) = match role {
            Role::Authorization => (
                "tenant_authorization_endpoint",
                "this is no address of a tenant's authorization endpoint",
                "authorize",
            ),
            Role::Token => ("tenant_token_endpoint", "this is no address of a tenant's token endpoint", "token"),
        };
        let fix = format!(
            "write it with https and `{{tenant}}` in its path: `https://login.example.com/{{tenant}}/oauth2/{last}`"
        );
        problems.add(&format!("{path}.{field}"), message, fix);
    }
    endpoint
}

fn of_entra(issuer: &IssuerRule, role: Role) -> Option<TenantEndpoint> {
    let IssuerRule::Entra { cloud, version, .. } = issuer else { return None };
    let part = if *version == EntraVersion::V2 { "oauth2/v2.0" } else { "oauth2" };
    let last = if role == Role::Token { "token" } else { "authorize" };
    TenantEndpoint::parse(&format!("{}/{{tenant}}/{part}/{last}", cloud.authority()))
}
