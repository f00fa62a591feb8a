//! What a list of accounts amounts to.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list of accounts for the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountList {
    /// The issuer's name; empty if nobody says it.
    pub(crate) issuer: String,
    /// The tenant; empty if nobody says it.
    pub(crate) tenant: String,
    /// When the file was written; `null` if the list isn't a file's, or can't be read.
    pub(crate) as_of: Option<String>,
    /// What it amounts to; `null` if it can't be read.
    pub(crate) accounts: Option<Registered>,
    /// Why it can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

/// Accounts with MFA registered. That they perform it, only their requests show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    /// The enabled accounts, guests and administrators among them.
    pub(crate) enabled: Part,
    /// Disabled accounts. They belong to no share.
    pub(crate) disabled: u64,
    /// The guests among the enabled accounts; `null` if the list doesn't say who is one.
    pub(crate) guests: Option<Part>,
    /// The administrators among the enabled accounts; `null` if the list doesn't say who is one.
    pub(crate) administrators: Option<Part>,
    /// Whether the list doesn't say which accounts are enabled, so that all are taken as enabled.
    pub(crate) all_taken_as_enabled: bool,
    /// Whether the list says only which accounts are *capable* of MFA: registered, with a method that the tenant allows.
    pub(crate) by_capability: bool,
}

/// Some accounts, and those of them with MFA registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) accounts: u64,
    pub(crate) registered: u64,
}

/// An account of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// `None` if the list doesn't say it of this account.
    pub(super) registered: Option<bool>,
    pub(super) enabled: bool,
    /// `None` if the list doesn't say it of any.
    pub(super) is_guest: Option<bool>,
    pub(super) is_administrator: Option<bool>,
}

impl Registered {
    /// Counts an account, and returns whether it could: of an enabled one it must be known whether it has MFA registered.
    pub(super) fn add(&mut self, account: Account) -> bool {
        if !account.enabled {
            self.disabled += 1;
            return true;
        }
        let Some(registered) = account.registered else { return false };
        self.enabled.add(registered);
        for (part, belongs) in
            [(&mut self.guests, account.is_guest), (&mut self.administrators, account.is_administrator)]
        {
            if let Some(belongs) = belongs {
                let part = part.get_or_insert_default();
                if belongs {
                    part.add(registered);
                }
            }
        }
        true
    }
}

impl Part {
    fn add(&mut self, registered: bool) {
        self.accounts += 1;
        self.registered += u64::from(registered);
    }

    /// The share of those with MFA registered, in whole percent: 100 only if all have, and `None` without accounts.
    pub(crate) fn percent(self) -> Option<u8> {
        let hundredths = u128::from(self.registered) * 100 / u128::from(self.accounts.max(1));
        u8::try_from(hundredths).ok().filter(|_| self.accounts > 0)
    }
}

/// The same as it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Part")]
struct Written {
    /// All of them.
    accounts: u64,
    /// Those with MFA registered.
    registered: u64,
    /// The share of those with MFA registered, in whole percent, rounded down; `null` without accounts.
    percent: Option<u8>,
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { accounts, registered } = *self;
        Written { accounts, registered, percent: self.percent() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { accounts, registered, .. } = Written::deserialize(deserializer)?;
        Ok(Self { accounts, registered })
    }
}

impl JsonSchema for Part {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(registered: bool) -> Account {
        Account { registered: Some(registered), enabled: true, is_guest: None, is_administrator: None }
    }

    #[test]
    fn the_published_example_comes_out() {
        // Partner Center, "Security requirements status": 110 accounts, 10 of them disabled, and 90 of the others with MFA.
        let mut all = Registered::default();
        for at in 0..110 {
            assert!(all.add(Account { enabled: at >= 10, ..account(at >= 20) }));
        }
        assert_eq!((all.enabled.accounts, all.disabled, all.enabled.percent()), (100, 10, Some(90)));
    }

    #[test]
    fn a_share_is_rounded_down_and_is_nothing_without_accounts() {
        assert_eq!(Part::default().percent(), None);
        assert_eq!(Part { accounts: 1000, registered: 999 }.percent(), Some(99));
        assert_eq!(Part { accounts: 3, registered: 3 }.percent(), Some(100));
    }

    #[test]
    fn guests_and_administrators_belong_to_the_whole_and_are_shown_apart() {
        let mut all = Registered::default();
        all.add(Account { is_guest: Some(true), is_administrator: Some(false), ..account(false) });
        all.add(Account { is_guest: Some(false), is_administrator: Some(true), ..account(true) });
        all.add(Account { is_guest: Some(false), is_administrator: Some(true), ..account(false) });
        assert_eq!(all.enabled, Part { accounts: 3, registered: 1 });
        assert_eq!(all.guests, Some(Part { accounts: 1, registered: 0 }));
        assert_eq!(all.administrators, Some(Part { accounts: 2, registered: 1 }));
    }

    #[test]
    fn of_an_enabled_account_alone_it_must_be_known_whether_it_has_mfa() {
        let mut all = Registered::default();
        assert!(!all.add(Account { registered: None, ..account(true) }));
        assert!(all.add(Account { registered: None, enabled: false, ..account(true) }));
        assert_eq!(all.enabled, Part::default());
    }
}
