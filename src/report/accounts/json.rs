//! Lists as Microsoft Graph writes them: `{"value": […]}`, or the array alone.

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};

/// An account, as Graph's `userRegistrationDetails` and `users` have it. Its PowerShell module begins each name with a capital.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(alias = "Id")]
    pub(super) id: Option<String>,
    #[serde(alias = "UserPrincipalName")]
    pub(super) user_principal_name: Option<String>,
    #[serde(alias = "UserType")]
    pub(super) user_type: Option<String>,
    #[serde(alias = "AccountEnabled")]
    pub(super) account_enabled: Option<bool>,
    #[serde(alias = "IsMfaRegistered")]
    pub(super) is_mfa_registered: Option<bool>,
    #[serde(alias = "IsMfaCapable")]
    pub(super) is_mfa_capable: Option<bool>,
    #[serde(alias = "IsAdmin")]
    pub(super) is_admin: Option<bool>,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Entry>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<IgnoredAny>,
}

/// The accounts of a list.
///
/// # Errors
///
/// If it is no list, or only a part of one: a part of the accounts would make a wrong share.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text);
    }
    match serde_json::from_str(text)? {
        Page { value, next: None } => Ok(value),
        Page { .. } => Err(serde_json::Error::custom("this is one page of several (`@odata.nextLink`)")),
    }
}
