//! An exception's row, its steps and its evidence. Times are milliseconds since 1970; a text that isn't there is empty.

use std::fmt;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::rows::shortened;
use crate::session::is_storable;

/// The longest text of a request for an exception, in bytes.
const LONGEST: usize = 4096;

/// The most bytes of a piece of evidence.
const LARGEST: usize = 1 << 20;

/// The columns of [`Exception`] in their order.
pub(crate) const COLUMNS: &str = "id, ground, owner, reason, ticket, software, purchase_order, application, user_id, \
                                  tenant, issuer, routes, starts, ends, state, version, by_issuer, by_tenant, by_user, \
                                  by_name, requested, approved, changed";

/// A person, or an operator who is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The configured name of the issuer; empty for a token of the file.
    pub issuer: String,
    /// The tenant; empty if there is none.
    pub tenant: String,
    /// The user in it.
    pub user: String,
    /// The name, for people.
    pub name: String,
}

/// A request for an exception.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewException {
    /// Its id, random.
    pub id: String,
    /// The ground.
    pub ground: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is asked for.
    pub reason: String,
    /// The ticket.
    pub ticket: String,
    /// The client software.
    pub software: String,
    /// The reference of a purchase order.
    pub purchase_order: String,
    /// The application that it is for.
    pub application: String,
    /// The user that it is for.
    pub user: String,
    /// The tenant that it is for.
    pub tenant: String,
    /// The issuer that it is for.
    pub issuer: String,
    /// The routes that it is for, as the caller of the store writes them.
    pub routes: String,
    /// From when it helps.
    pub starts: i64,
    /// The first moment at which it no longer helps.
    pub ends: i64,
}

/// An exception, in whatever state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// What was asked for.
    pub asked: NewException,
    /// The last state that somebody brought it to.
    pub state: String,
    /// How many steps it has made.
    pub version: i64,
    /// Who asked.
    pub by: Who,
    /// When, by the database's clock.
    pub requested: i64,
    /// When it was approved, by the database's clock; 0 if it wasn't.
    pub approved: i64,
    /// When it last changed, by the database's clock.
    pub changed: i64,
}

/// A step that somebody makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewStep {
    /// Who.
    pub by: Who,
    /// What this person has shown.
    pub shown: String,
    /// What was done.
    pub what: String,
    /// Why.
    pub why: String,
}

/// A step that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub number: i64,
    /// When, by the database's clock.
    pub at: i64,
    /// The step itself.
    pub made: NewStep,
}

/// Evidence that somebody adds.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewEvidence {
    /// What it shows.
    pub kind: String,
    /// The name of the file.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Evidence that is there, without its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Its number, from 1.
    pub number: i64,
    /// When it was added, by the database's clock.
    pub at: i64,
    /// What it shows.
    pub kind: String,
    /// The name of the file.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// The size in bytes.
    pub size: i64,
}

impl fmt::Debug for NewEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, media_type, bytes, .. } = self;
        let mut shown = f.debug_struct("NewEvidence");
        shown.field("kind", kind).field("media_type", media_type).field("size", &bytes.len()).finish_non_exhaustive()
    }
}

impl Who {
    /// Somebody. Longer names become their beginning with a hash of the whole, so that nobody is taken for another.
    #[must_use]
    pub fn new(issuer: &str, tenant: &str, user: &str, name: &str) -> Self {
        let [issuer, tenant, user, name] = [issuer, tenant, user, name].map(|text| shortened(text).into_owned());
        Self { issuer, tenant, user, name }
    }

    fn texts(&self) -> [&str; 4] {
        [&self.issuer, &self.tenant, &self.user, &self.name]
    }

    fn from_row(row: &AnyRow, first: usize) -> Result<Self, sqlx::Error> {
        Ok(Self {
            issuer: row.try_get(first)?,
            tenant: row.try_get(first + 1)?,
            user: row.try_get(first + 2)?,
            name: row.try_get(first + 3)?,
        })
    }
}

impl NewException {
    /// The texts in the order of the columns.
    pub(crate) fn texts(&self) -> [&str; 12] {
        [
            &self.id,
            &self.ground,
            &self.owner,
            &self.reason,
            &self.ticket,
            &self.software,
            &self.purchase_order,
            &self.application,
            &self.user,
            &self.tenant,
            &self.issuer,
            &self.routes,
        ]
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let fits = |text: &&str| text.len() <= LONGEST && !text.contains('\0');
        let keys = [&self.id, &self.application, &self.user, &self.tenant, &self.issuer].map(|text| is_storable(text));
        let fine = self.texts().iter().all(fits) && !keys.contains(&false);
        fine.then_some(()).ok_or(StoreError::Invalid("a text of the exception"))
    }
}

impl NewStep {
    pub(crate) fn texts(&self) -> [&str; 7] {
        let [issuer, tenant, user, name] = self.by.texts();
        [issuer, tenant, user, name, &self.shown, &self.what, &self.why]
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let fits = |text: &&str| text.len() <= LONGEST && !text.contains('\0');
        self.texts().iter().all(fits).then_some(()).ok_or(StoreError::Invalid("a text of the step"))
    }
}

impl NewEvidence {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let fine = [&self.kind, &self.name, &self.media_type].map(|text| is_storable(text));
        let fits = !fine.contains(&false) && self.bytes.len() <= LARGEST;
        fits.then_some(()).ok_or(StoreError::Invalid("the evidence"))
    }
}

impl Exception {
    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let asked = NewException {
            id: row.try_get(0)?,
            ground: row.try_get(1)?,
            owner: row.try_get(2)?,
            reason: row.try_get(3)?,
            ticket: row.try_get(4)?,
            software: row.try_get(5)?,
            purchase_order: row.try_get(6)?,
            application: row.try_get(7)?,
            user: row.try_get(8)?,
            tenant: row.try_get(9)?,
            issuer: row.try_get(10)?,
            routes: row.try_get(11)?,
            starts: row.try_get(12)?,
            ends: row.try_get(13)?,
        };
        Ok(Self {
            asked,
            state: row.try_get(14)?,
            version: row.try_get(15)?,
            by: Who::from_row(row, 16)?,
            requested: row.try_get(20)?,
            approved: row.try_get(21)?,
            changed: row.try_get(22)?,
        })
    }
}

impl Step {
    pub(crate) const COLUMNS: &str = "number, at, issuer, tenant, user_id, name, shown, what, why";

    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let by = Who::from_row(row, 2)?;
        let made = NewStep { by, shown: row.try_get(6)?, what: row.try_get(7)?, why: row.try_get(8)? };
        Ok(Self { number: row.try_get(0)?, at: row.try_get(1)?, made })
    }
}

impl Evidence {
    pub(crate) const COLUMNS: &str = "number, at, kind, name, media_type, size";

    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            number: row.try_get(0)?,
            at: row.try_get(1)?,
            kind: row.try_get(2)?,
            name: row.try_get(3)?,
            media_type: row.try_get(4)?,
            size: row.try_get(5)?,
        })
    }
}
