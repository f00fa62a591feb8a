//! Tenants of an issuer: which one people sign in to, and its endpoints.

use std::fmt;

use mfa_gateway_core::token::{Tenants, is_guid};
use mfa_gateway_keys::Metadata;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// The id of a tenant: a GUID, in any letter case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantId(u128);

impl TenantId {
    /// Reads a tenant's id. `None` for a domain's name, or another text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = is_guid(text).then(|| text.replace('-', ""))?;
        u128::from_str_radix(&digits, 16).ok().map(Self)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:032x}", self.0);
        let (first, second, third) = (&text[..8], &text[8..12], &text[12..16]);
        write!(f, "{first}-{second}-{third}-{}-{}", &text[16..20], &text[20..])
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not the id of a tenant"))
    }
}

/// An endpoint of any tenant: an address with a place for the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEndpoint {
    before: String,
    after: String,
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

/// Where people sign in to one tenant of an issuer that has many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEndpoints {
    /// Where a browser goes.
    pub authorization: TenantEndpoint,
    /// Where codes and refresh tokens are exchanged.
    pub token: TenantEndpoint,
    /// The tenants whose ID tokens are trusted.
    pub trusted: Tenants,
}

impl TenantEndpoints {
    /// Whether people can sign in to the tenant.
    #[must_use]
    pub fn have(&self, tenant: TenantId) -> bool {
        self.trusted.contains(&tenant.to_string())
    }

    /// The issuer's metadata for a tenant.
    #[must_use]
    pub fn metadata(&self, tenant: TenantId, metadata: &Metadata) -> Option<Metadata> {
        let tenant = tenant.to_string();
        Some(metadata.for_tenant(&tenant, self.authorization.of(&tenant)?, self.token.of(&tenant)?))
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

    #[test]
    fn a_tenant_is_a_guid_in_any_letter_case() {
        let text = "0f1d2c3b-4a59-4687-9778-695a4b3c2d1e";
        let one = TenantId::parse(text).unwrap();
        assert_eq!((one.to_string().as_str(), TenantId::parse(&text.to_uppercase())), (text, Some(one)));
        let read: TenantId = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(read, one);
        for odd in ["", "contoso.example", "common", "..", "0f1d2c3b4a5946879778695a4b3c2d1e", &format!("{text}/x")] {
            assert_eq!(TenantId::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_tenants_metadata_has_its_endpoints_and_its_issuer() {
        let document = serde_json::json!({"authorization_endpoint": "https://login.example/common/authorize",
            "token_endpoint": "https://login.example/common/token"});
        let metadata = Metadata::parse(document.to_string().as_bytes(), "https://login.example/{tenantid}/v2.0");
        let at = |name: &str| TenantEndpoint::parse(&format!("https://login.example/{{tenant}}/{name}")).unwrap();
        let endpoints = TenantEndpoints { authorization: at("authorize"), token: at("token"), trusted: Tenants::Any };
        let tenant = TenantId::parse("0F1D2C3B-4a59-4687-9778-695a4b3c2d1e").unwrap();
        let own = endpoints.metadata(tenant, &metadata).unwrap();
        let at = |rest: &str| format!("https://login.example/{tenant}/{rest}");
        assert_eq!(own.authorization_endpoint().unwrap().as_str(), at("authorize"));
        assert_eq!(own.token_endpoint().unwrap().as_str(), at("token"));
        assert_eq!(own.issuer(), at("v2.0"));
    }
}
