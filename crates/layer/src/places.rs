//! Where issuers' keys are, as far as the issuer's name tells it.

use mfa_gateway_core::token::{Cloud, EntraVersion, IssuerRule, Tenants};
use mfa_gateway_keys::KeyLocation;
use url::Url;

/// One of the two issuers that an Entra cloud is: tokens of each version have an `iss`, metadata and keys of their own.
#[derive(Clone, Debug)]
pub struct EntraPlace {
    /// What `iss` must be.
    pub rule: IssuerRule,
    /// Where its keys are.
    pub location: KeyLocation,
    /// What its name in logs ends with.
    pub suffix: &'static str,
}

/// Both places of an Entra cloud. Keys of a single tenant come from its own endpoint, those of several from the common
/// one.
#[must_use]
pub fn entra(cloud: Cloud, tenants: &Tenants) -> Vec<EntraPlace> {
    let single = match tenants {
        Tenants::Only(only) if only.len() == 1 => only.first().map(String::as_str),
        _ => None,
    };
    let (segment, in_issuer) = single.map_or(("common", "{tenantid}"), |tenant| (tenant, tenant));
    let versions = [(EntraVersion::V1, "", " v1.0"), (EntraVersion::V2, "/v2.0", " v2.0")];
    let place = |(version, part, suffix): (EntraVersion, &str, &'static str)| {
        let document = format!("{}/{segment}{part}/.well-known/openid-configuration", cloud.authority());
        let location =
            KeyLocation::Discovery { url: Url::parse(&document).ok()?, issuer: cloud.issuer(version, in_issuer) };
        let rule = IssuerRule::Entra { cloud, version, tenants: tenants.clone() };
        Some(EntraPlace { rule, location, suffix })
    };
    versions.into_iter().filter_map(place).collect()
}

/// Where Entra's clients are sent for step-up, if it is Entra's rule.
#[must_use]
pub fn authorization_uri(rule: &IssuerRule) -> Option<String> {
    match rule {
        IssuerRule::Entra { cloud, .. } => Some(format!("{}/common/oauth2/v2.0/authorize", cloud.authority())),
        IssuerRule::Exact(_) => None,
    }
}

/// The discovery document of an issuer, and the `issuer` that must stand in it (OpenID Connect Discovery section 4).
///
/// # Errors
///
/// If the issuer is no URL.
pub fn discovery(issuer: &str) -> Result<KeyLocation, url::ParseError> {
    // Google's tokens may leave the scheme out of `iss`; its document doesn't.
    let issuer = if issuer == "accounts.google.com" { "https://accounts.google.com" } else { issuer };
    Url::parse(issuer)?;
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    Ok(KeyLocation::Discovery { url: Url::parse(&document)?, issuer: issuer.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(location: &KeyLocation) -> &str {
        match location {
            KeyLocation::Discovery { url, .. } => url.as_str(),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn the_keys_of_one_tenant_come_from_its_own_endpoint() {
        let one = Tenants::Only(["df845f1a-7b35-40a2-ba78-6481de91f8ae".to_owned()].into());
        for (tenants, segment) in [(one, "df845f1a-7b35-40a2-ba78-6481de91f8ae"), (Tenants::Any, "common")] {
            let places = entra(Cloud::Global, &tenants);
            let found: Vec<&str> = places.iter().map(|place| address(&place.location)).collect();
            let base = format!("https://login.microsoftonline.com/{segment}");
            let document = ".well-known/openid-configuration";
            assert_eq!(found, [format!("{base}/{document}"), format!("{base}/v2.0/{document}")]);
        }
    }

    #[test]
    fn a_document_stands_below_the_issuer_with_and_without_a_slash() {
        for issuer in ["https://idp.example/a", "https://idp.example/a/"] {
            let found = discovery(issuer).unwrap();
            assert_eq!(address(&found), "https://idp.example/a/.well-known/openid-configuration");
            assert!(matches!(found, KeyLocation::Discovery { issuer: named, .. } if named == issuer));
        }
        let google = discovery("accounts.google.com").unwrap();
        assert_eq!(address(&google), "https://accounts.google.com/.well-known/openid-configuration");
        assert!(discovery("idp.example").is_err());
    }
}
