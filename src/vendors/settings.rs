//! The settings of a control panel vendor.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use url::Url;

/// A control panel vendor, whose application partners use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorSettings {
    /// Its name, in logs, metrics and the store.
    pub name: String,
    /// The id of its application, in lower case.
    pub application: String,
    /// What customers see as the application's name.
    pub display_name: String,
    /// The base of the partner API.
    pub api: Url,
    /// What access tokens for the API are for; `None` for each consent's own scope.
    pub scope: Option<String>,
    /// What customers consent to.
    pub grants: Vec<Grant>,
    /// How many requests a second the API receives at most.
    pub requests_per_second: u32,
    /// The partners, in the order of the configuration.
    pub partners: Vec<PartnerSettings>,
}

/// A partner of a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerSettings {
    /// Its name.
    pub name: String,
    /// Its tenant, in lower case; empty if the issuer has none.
    pub tenant: String,
    /// The name of the consent that the partner gave the vendor.
    pub consent: String,
}

/// What customers consent to, of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The id of the API's application: `00000003-0000-0000-c000-000000000000` is Microsoft Graph's.
    pub application: String,
    /// The scopes.
    pub scopes: Vec<String>,
}

/// A consent as the partner API takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationConsent<'v> {
    application_id: &'v str,
    display_name: &'v str,
    application_grants: Vec<ApplicationGrant<'v>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationGrant<'v> {
    enterprise_application_id: &'v str,
    scope: String,
}

impl VendorSettings {
    /// What is posted for a customer.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let grant = |grant: &'_ Grant| grant.scopes.join(",");
        let grants = self
            .grants
            .iter()
            .map(|one| ApplicationGrant { enterprise_application_id: &one.application, scope: grant(one) });
        let consent = ApplicationConsent {
            application_id: &self.application,
            display_name: &self.display_name,
            application_grants: grants.collect(),
        };
        serde_json::to_vec(&consent).unwrap_or_default().into()
    }

    /// What tells these grants from others, whatever their order.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut grants: Vec<_> = self.grants.iter().map(|grant| (&grant.application, sorted(&grant.scopes))).collect();
        grants.sort();
        let text = serde_json::to_vec(&(&self.application, grants)).unwrap_or_default();
        let hash = digest(&SHA256, &text);
        URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default())
    }

    /// The partner of this name.
    #[must_use]
    pub fn partner(&self, name: &str) -> Option<&PartnerSettings> {
        self.partners.iter().find(|partner| partner.name == name)
    }
}

fn sorted(scopes: &[String]) -> Vec<&str> {
    let mut scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    scopes.sort_unstable();
    scopes
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A vendor with two grants, for tests.
    pub(in super::super) fn vendor(api: &str) -> VendorSettings {
        let grant = |application: &str, scopes: &[&str]| Grant {
            application: application.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        VendorSettings {
            name: "panel".to_owned(),
            application: "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8".to_owned(),
            display_name: "Panel".to_owned(),
            api: Url::parse(api).unwrap(),
            scope: None,
            grants: vec![
                grant("00000003-0000-0000-c000-000000000000", &["Directory.Read.All", "User.Read.All"]),
                grant("797f4846-ba00-4fd7-ba43-dac1f8f63013", &["user_impersonation"]),
            ],
            requests_per_second: 20,
            partners: Vec::new(),
        }
    }

    #[test]
    fn a_consent_is_written_as_the_documents_have_it() {
        let body: serde_json::Value = serde_json::from_slice(&vendor("https://api.example").body()).unwrap();
        assert_eq!(body["applicationGrants"][0]["scope"], "Directory.Read.All,User.Read.All");
        assert_eq!(
            (&body["applicationId"], &body["displayName"]),
            (&"5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8".into(), &"Panel".into())
        );
    }

    #[test]
    fn the_order_of_grants_makes_no_other_ones_and_each_scope_does() {
        let one = vendor("https://api.example");
        let mut other = one.clone();
        other.grants.reverse();
        other.grants[1].scopes.reverse();
        assert_eq!(one.fingerprint(), other.fingerprint());
        other.grants[0].scopes.clear();
        assert_ne!(one.fingerprint(), other.fingerprint());
    }
}
