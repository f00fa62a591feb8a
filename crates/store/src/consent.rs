//! A consent's row: a refresh token that a person left with the gateway, and what is known of it.

use std::fmt;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::envelope::Envelope;
use crate::error::StoreError;
use crate::session::is_storable;

/// The columns of [`Consent`] in their order.
pub(crate) const COLUMNS: &str = "id, issuer, tenant, application, user_id, display, given, given_by, renewed, used, mfa, \
                                  state, why, state_at, generation, data_key, secret, challenge";

/// A consent. Times are seconds since 1970; a text that isn't known is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// Its id.
    pub id: String,
    /// The issuer of its tokens.
    pub issuer: String,
    /// The tenant in which the person consented.
    pub tenant: String,
    /// The client whose refresh token it is.
    pub application: String,
    /// What names the person in the tenant: `oid`, or `sub`.
    pub user: String,
    /// The person's name, for people.
    pub display: String,
    /// When it was given.
    pub given: i64,
    /// Who had it given.
    pub given_by: String,
    /// When the issuer last replaced the refresh token.
    pub renewed: i64,
    /// When it was last used, as far as the replicas have written it down.
    pub used: i64,
    /// Whether its tokens last had MFA.
    pub mfa: bool,
    /// Whether it can be used, as a name that its owner knows.
    pub state: String,
    /// Why it is in this state: the issuer's code.
    pub why: String,
    /// What a new consent must ask for to satisfy the policy behind the state.
    pub challenge: String,
    /// Since when.
    pub state_at: i64,
    /// How often the refresh token was replaced. A row begins at 0, and a new consent in its place counts on.
    pub generation: i64,
    /// The refresh token, sealed. The secret is empty in a list, and both parts are once the consent is withdrawn.
    pub envelope: Envelope,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Consent {
    /// What its envelope is sealed with: a token that is copied into another row opens nowhere.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let parts = ["mfa_consent", &self.id, &self.issuer, &self.tenant, &self.application];
        // No part holds a NUL: the databases take none.
        parts.join("\0").into_bytes()
    }

    /// Whether the databases take its texts.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let texts = [
            ("the consent's id", &self.id),
            ("the issuer", &self.issuer),
            ("the tenant", &self.tenant),
            ("the application", &self.application),
            ("the user", &self.user),
            ("the user's name", &self.display),
            ("the name of who had it given", &self.given_by),
            ("the state", &self.state),
            ("the reason of the state", &self.why),
        ];
        match texts.iter().find(|(_, text)| !is_storable(text)) {
            Some((name, _)) => Err(StoreError::Invalid(name)),
            None => Ok(()),
        }
    }

    /// Reads [`COLUMNS`].
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get(0)?,
            issuer: row.try_get(1)?,
            tenant: row.try_get(2)?,
            application: row.try_get(3)?,
            user: row.try_get(4)?,
            display: row.try_get(5)?,
            given: row.try_get(6)?,
            given_by: row.try_get(7)?,
            renewed: row.try_get(8)?,
            used: row.try_get(9)?,
            mfa: row.try_get::<i64, _>(10)? != 0,
            state: row.try_get(11)?,
            why: row.try_get(12)?,
            state_at: row.try_get(13)?,
            generation: row.try_get(14)?,
            envelope: Envelope { data_key: row.try_get(15)?, secret: row.try_get(16)? },
            challenge: row.try_get(17)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent() -> Consent {
        let [id, user, display] = ["nightly", "jane", "Jane Doe"].map(str::to_owned);
        Consent { id, user, display, tenant: "a".to_owned(), application: "b".to_owned(), ..Consent::default() }
    }

    #[test]
    fn a_consents_debug_form_tells_neither_person_nor_token() {
        let envelope = Envelope { data_key: vec![123], secret: vec![124] };
        let shown = format!("{:?}", Consent { envelope, ..consent() });
        assert!(
            shown.contains("nightly") && !shown.to_lowercase().contains("jane") && !shown.contains("12"),
            "{shown}"
        );
    }

    #[test]
    fn what_a_token_belongs_to_is_part_of_its_seal() {
        let other = Consent { tenant: "ab".to_owned(), application: String::new(), ..consent() };
        assert_ne!(other.context(), consent().context());
        assert_eq!(Consent { display: String::new(), generation: 7, ..consent() }.context(), consent().context());
    }

    #[test]
    fn what_no_database_takes_is_refused_by_name() {
        let wrong = Consent { why: "a\0b".to_owned(), ..consent() };
        assert_eq!(wrong.check(), Err(StoreError::Invalid("the reason of the state")));
        assert_eq!(consent().check(), Ok(()));
    }
}
