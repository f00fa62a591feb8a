//! Which `iss` an issuer's tokens carry, and what else must fit it.
//!
//! Entra's issuers are templates (`https://login.microsoftonline.com/{tid}/v2.0`): the tenant of the `tid` claim stands
//! in them. Keys may be shared by tenants and clouds, so a signature alone doesn't say whose token it is; the rules
//! are those of the multi-tenant section of Microsoft's access token documentation.

use std::collections::BTreeSet;

use super::object::Object;
use super::{Key, TokenError};

/// What `iss` must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerRule {
    /// Exactly this string.
    Exact(String),
    /// Entra's template for one token version of one cloud.
    Entra {
        /// The cloud.
        cloud: Cloud,
        /// The token version.
        version: EntraVersion,
        /// The tenants that are trusted.
        tenants: Tenants,
    },
}

/// The version of an Entra access token. The API's registration sets it, not the endpoint that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntraVersion {
    /// `ver` is `1.0`.
    V1,
    /// `ver` is `2.0`.
    V2,
}

/// The tenants whose tokens are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Every tenant of the cloud.
    Any,
    /// These, in lower case.
    Only(BTreeSet<String>),
}

/// A national cloud of Entra ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide cloud.
    Global,
    /// Azure US Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl Cloud {
    /// All clouds that exist. The German one was closed on 2021-10-29.
    pub const ALL: [Self; 3] = [Self::Global, Self::UsGovernment, Self::China];

    /// The authority, where metadata and keys are.
    #[must_use]
    pub fn authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// What `cloud_instance_name` says of the cloud's keys, where they say it.
    #[must_use]
    pub fn instance_name(self) -> &'static str {
        match self {
            Self::Global => "microsoftonline.com",
            Self::UsGovernment => "microsoftonline.us",
            Self::China => "partner.microsoftonline.cn",
        }
    }

    /// What stands before and after the tenant in `iss`. Global and US Government share the v1.0 form.
    pub(super) fn template(self, version: EntraVersion) -> (&'static str, &'static str) {
        match (self, version) {
            (Self::Global | Self::UsGovernment, EntraVersion::V1) => ("https://sts.windows.net/", "/"),
            (Self::China, EntraVersion::V1) => ("https://sts.chinacloudapi.cn/", "/"),
            (Self::Global, EntraVersion::V2) => ("https://login.microsoftonline.com/", "/v2.0"),
            (Self::UsGovernment, EntraVersion::V2) => ("https://login.microsoftonline.us/", "/v2.0"),
            (Self::China, EntraVersion::V2) => ("https://login.partner.microsoftonline.cn/", "/v2.0"),
        }
    }

    /// The issuer of a tenant.
    #[must_use]
    pub fn issuer(self, version: EntraVersion, tenant: &str) -> String {
        let (before, after) = self.template(version);
        [before, tenant, after].concat()
    }

    /// The tenant that an issuer of this cloud names.
    pub(super) fn tenant_of(self, version: EntraVersion, issuer: &str) -> Option<&str> {
        let (before, after) = self.template(version);
        issuer.strip_prefix(before)?.strip_suffix(after).filter(|tenant| is_guid(tenant))
    }
}

impl IssuerRule {
    /// The rule for an issuer that is written out: Entra's own issuers get Entra's rule, with their tenant.
    #[must_use]
    pub fn of(issuer: &str) -> Self {
        let entra = Cloud::ALL.into_iter().find_map(|cloud| {
            [EntraVersion::V1, EntraVersion::V2].into_iter().find_map(|version| {
                let tenant = cloud.tenant_of(version, issuer)?;
                let tenants = Tenants::Only(BTreeSet::from([tenant.to_ascii_lowercase()]));
                Some(Self::Entra { cloud, version, tenants })
            })
        });
        entra.unwrap_or_else(|| Self::Exact(issuer.to_owned()))
    }

    /// The `iss` of its tokens, `{tenantid}` in the tenant's place.
    #[must_use]
    pub fn pattern(&self) -> String {
        match self {
            Self::Exact(exact) => exact.clone(),
            Self::Entra { cloud, version, .. } => cloud.issuer(*version, "{tenantid}"),
        }
    }

    /// Whether this rule is the one to judge tokens of `issuer`.
    #[must_use]
    pub fn names(&self, issuer: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == issuer,
            Self::Entra { cloud, version, .. } => cloud.tenant_of(*version, issuer).is_some(),
        }
    }

    /// Whether some token could be judged by both rules.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Entra { cloud, version, tenants },
                Self::Entra { cloud: cloud2, version: version2, tenants: tenants2 },
            ) => {
                cloud.template(*version) == cloud2.template(*version2)
                    && match (tenants, tenants2) {
                        (Tenants::Only(one), Tenants::Only(two)) => !one.is_disjoint(two),
                        _ => true,
                    }
            }
            (Self::Exact(exact), rule) | (rule, Self::Exact(exact)) => rule.names(exact),
        }
    }

    /// Whether a token of `issuer` can only be this rule's, its tenant considered.
    #[must_use]
    pub fn trusts(&self, issuer: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == issuer,
            Self::Entra { cloud, version, tenants } => {
                cloud.tenant_of(*version, issuer).is_some_and(|tenant| tenants.contains(tenant))
            }
        }
    }

    /// Checks `iss` with the tenant, the token version and the key that signed.
    pub(super) fn check(&self, payload: &Object, key: &Key) -> Result<(), TokenError> {
        let issuer = payload.optional_text("iss")?.ok_or(TokenError::ClaimMissing("iss"))?;
        let tid = payload.optional_text("tid")?;
        match self {
            Self::Exact(exact) if exact == issuer => Ok(()),
            Self::Exact(_) => Err(TokenError::IssuerUnknown),
            Self::Entra { cloud, version, tenants } => {
                let tenant = cloud.tenant_of(*version, issuer).ok_or(TokenError::IssuerUnknown)?;
                let ver = payload.optional_text("ver")?;
                let expected = match version {
                    EntraVersion::V1 => "1.0",
                    EntraVersion::V2 => "2.0",
                };
                if tid.ok_or(TokenError::ClaimMissing("tid"))? != tenant || ver.is_some_and(|ver| ver != expected) {
                    return Err(TokenError::TenantContradicts);
                }
                if !tenants.contains(tenant) {
                    return Err(TokenError::TenantUntrusted);
                }
                key_fits(key, *cloud, issuer, tenant)
            }
        }
    }
}

impl Tenants {
    /// Whether the tenant is trusted.
    #[must_use]
    pub fn contains(&self, tenant: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(tenants) => tenants.contains(&tenant.to_ascii_lowercase()),
        }
    }
}

/// Checks that a key may sign for a tenant: its `issuer`, with the tenant filled in, is the token's issuer or the
/// v2.0 form of it (keys never carry the v1.0 form), and its cloud is the token's.
fn key_fits(key: &Key, cloud: Cloud, issuer: &str, tenant: &str) -> Result<(), TokenError> {
    if let Some(template) = key.issuer() {
        let of_key = template.replace("{tenantid}", tenant);
        if of_key != issuer && of_key != cloud.issuer(EntraVersion::V2, tenant) {
            return Err(TokenError::KeyIssuer);
        }
    }
    match key.cloud_instance() {
        Some(name) if name != cloud.instance_name() => Err(TokenError::KeyIssuer),
        _ => Ok(()),
    }
}

/// Whether `text` is a GUID in its hyphenated form, such as a tenant id.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";

    #[test]
    fn entras_own_issuers_get_entras_rule() {
        for cloud in Cloud::ALL {
            for version in [EntraVersion::V1, EntraVersion::V2] {
                let issuer = cloud.issuer(version, TENANT);
                let rule = IssuerRule::of(&issuer);
                assert!(matches!(&rule, IssuerRule::Entra { .. }), "{issuer}");
                assert!(rule.names(&issuer));
            }
        }
        assert_eq!(IssuerRule::of("https://idp.example/"), IssuerRule::Exact("https://idp.example/".to_owned()));
    }

    #[test]
    fn an_issuer_must_have_a_tenant_in_the_tenants_place() {
        for bad in [
            "https://sts.windows.net/",
            "https://sts.windows.net//",
            "https://sts.windows.net/{tenantid}/",
            "https://sts.windows.net/common/",
            "https://sts.windows.net/df845f1a-7b35-40a2-ba78-6481de91f8ae",
            "https://sts.windows.net/x/df845f1a-7b35-40a2-ba78-6481de91f8ae/",
            "http://sts.windows.net/df845f1a-7b35-40a2-ba78-6481de91f8ae/",
        ] {
            let rule = IssuerRule::Entra { cloud: Cloud::Global, version: EntraVersion::V1, tenants: Tenants::Any };
            assert!(!rule.names(bad), "{bad}");
        }
    }

    #[test]
    fn clouds_that_share_an_issuer_overlap_unless_their_tenants_differ() {
        let rule = |cloud, tenants| IssuerRule::Entra { cloud, version: EntraVersion::V1, tenants };
        let only = |tenant: &str| Tenants::Only(BTreeSet::from([tenant.to_owned()]));
        assert!(rule(Cloud::Global, Tenants::Any).overlaps(&rule(Cloud::UsGovernment, only(TENANT))));
        assert!(!rule(Cloud::Global, only("a")).overlaps(&rule(Cloud::UsGovernment, only("b"))));
        assert!(!rule(Cloud::Global, Tenants::Any).overlaps(&rule(Cloud::China, Tenants::Any)));
    }
}
