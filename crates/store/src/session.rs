//! A session's row. Times are seconds since 1970; a text that isn't known is empty.

use std::fmt;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::StoreError;

/// The longest text. Both databases index longer ones badly, and Postgres not at all.
const LONGEST: usize = 2048;

/// The columns of [`Session`] in their order, of the tables `s` and `n`.
pub(crate) const COLUMNS: &str = "s.id, s.sign_in, s.issuer, s.subject, s.tenant, s.user_id, s.display, s.sid, s.created, \
                                  s.expires, n.at, s.ended, s.why, s.generation, s.mfa, s.evidence";

/// A session that begins.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewSession {
    /// Its id, random.
    pub id: String,
    /// The name of the sign-in.
    pub sign_in: String,
    /// The issuer.
    pub issuer: String,
    /// The ID token's `sub`.
    pub subject: String,
    /// The tenant.
    pub tenant: String,
    /// What names the user in the tenant: `oid`, or `sub`.
    pub user: String,
    /// The user's name, for people.
    pub display: String,
    /// The issuer's own session, `sid`.
    pub sid: String,
    /// When it began.
    pub created: i64,
    /// When it ends, however much it is used.
    pub expires: i64,
    /// Whether MFA is proven.
    pub mfa: bool,
    /// Sealed: ID and refresh token.
    pub secret: Vec<u8>,
    /// What the tokens showed, as the session's owner writes it.
    pub evidence: Vec<u8>,
    /// The generation of that: 0 if the owner's cookie has it.
    pub generation: i64,
}

/// A session as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// What it began with, or its last renewal brought. The secret is empty in a list, and once the session has ended.
    pub begun: NewSession,
    /// When it was last used, as far as the replicas have written it down.
    pub last_seen: i64,
    /// How it ended; `None` while it lives, or has expired by itself.
    pub ended: Option<Ended>,
    /// How often it was renewed.
    pub generation: i64,
}

/// An end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why, as a name: `signed_out`, `replaced`.
    pub why: String,
    /// When.
    pub at: i64,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("id", &self.id).field("sign_in", &self.sign_in).finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun, last_seen, ended, generation } = self;
        f.debug_struct("Session")
            .field("begun", begun)
            .field("last_seen", last_seen)
            .field("ended", ended)
            .field("generation", generation)
            .finish()
    }
}

impl Ended {
    /// The time as the table has it, where 0 means that the session lives.
    pub(crate) fn stored_at(&self) -> i64 {
        self.at.max(1)
    }
}

impl NewSession {
    /// Whether the databases take its texts.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let texts = [
            ("the session's id", &self.id),
            ("the sign-in's name", &self.sign_in),
            ("the issuer", &self.issuer),
            ("the subject", &self.subject),
            ("the tenant", &self.tenant),
            ("the user", &self.user),
            ("the user's name", &self.display),
            ("the issuer's session", &self.sid),
        ];
        match texts.iter().find(|(_, text)| !is_storable(text)) {
            Some((name, _)) => Err(StoreError::Invalid(name)),
            None => Ok(()),
        }
    }
}

/// Whether a row could hold the text. What couldn't isn't there: nobody needs to look for it.
#[must_use]
pub fn is_storable(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains('\0')
}

impl Session {
    /// Reads [`COLUMNS`].
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let begun = NewSession {
            id: row.try_get(0)?,
            sign_in: row.try_get(1)?,
            issuer: row.try_get(2)?,
            subject: row.try_get(3)?,
            tenant: row.try_get(4)?,
            user: row.try_get(5)?,
            display: row.try_get(6)?,
            sid: row.try_get(7)?,
            created: row.try_get(8)?,
            expires: row.try_get(9)?,
            mfa: row.try_get::<i64, _>(14)? != 0,
            secret: Vec::new(),
            evidence: row.try_get(15)?,
            generation: row.try_get(13)?,
        };
        let ended = match row.try_get(11)? {
            0 => None,
            at => Some(Ended { why: row.try_get(12)?, at }),
        };
        let generation = begun.generation;
        Ok(Self { begun, last_seen: row.try_get(10)?, ended, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_debug_form_tells_neither_user_nor_secret() {
        let begun = NewSession {
            id: "id".to_owned(),
            subject: "jane".to_owned(),
            sid: "jane".to_owned(),
            display: "jane".to_owned(),
            secret: vec![123],
            ..NewSession::default()
        };
        let session = Session { begun, last_seen: 1, ended: None, generation: 0 };
        let shown = format!("{session:?}");
        assert!(!shown.contains("jane") && !shown.contains("123"), "{shown}");
    }

    #[test]
    fn what_no_database_takes_is_refused_by_name() {
        let with = |subject: String| NewSession { subject, ..NewSession::default() }.check();
        assert_eq!(with("a\0b".to_owned()), Err(StoreError::Invalid("the subject")));
        assert_eq!(with("x".repeat(LONGEST + 1)), Err(StoreError::Invalid("the subject")));
        assert_eq!(with("x".repeat(LONGEST)), Ok(()));
    }
}
