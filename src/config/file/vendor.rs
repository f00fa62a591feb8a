//! Control panel vendors and their partners.

use schemars::JsonSchema;
use serde::Deserialize;

/// A control panel vendor, whose application partners use with a consent in place of a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Vendor {
    /// The name that commands, logs and metrics have for it.
    pub name: String,
    /// The id of its application: the `client_id` of its partners' consents.
    pub application: String,
    /// What customers see as the application's name. Default: `name`.
    pub display_name: Option<String>,
    /// The base of the partner API. Default `https://api.partnercenter.microsoft.com`.
    pub api: Option<String>,
    /// What access tokens for the API are for. Default: each consent's own `scope`.
    pub scope: Option<String>,
    /// What the partners' customers consent to.
    pub grants: Vec<Grant>,
    /// How many requests a second the API receives at most, from 1 to 50, over all partners. Default 20.
    pub requests_per_second: Option<u32>,
    /// The partners that use it.
    pub partners: Vec<VendorPartner>,
}

/// What customers consent to, of one API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Grant {
    /// The id of the API's application: `00000003-0000-0000-c000-000000000000` is Microsoft Graph's.
    pub application: String,
    /// The scopes: `Directory.Read.All`.
    pub scopes: Vec<String>,
}

/// A partner of a vendor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct VendorPartner {
    /// The name that commands, logs and metrics have for it.
    pub name: String,
    /// The name of the one of the `consents` that the partner gives. Its tenant is the partner's.
    pub consent: String,
}
