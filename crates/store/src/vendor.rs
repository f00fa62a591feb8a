//! The rows of vendors: what is asked for a partner's customers, and how far that is.

use sqlx::Row as _;
use sqlx::any::AnyRow;

/// What an operator wants of the customers of a partner.
#[derive(Clone, Copy, Debug)]
pub struct VendorWish<'a> {
    /// The vendor.
    pub vendor: &'a str,
    /// The partner.
    pub partner: &'a str,
    /// The state that is wanted: `consented` or `removed`.
    pub wanted: &'a str,
    /// The fingerprint of the grants that are wanted; empty for `removed`.
    pub grants: &'a str,
    /// Whether what is so already is done again.
    pub anew: bool,
    /// Who asks.
    pub by: &'a str,
}

/// What was last asked for a partner's customers. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorRun {
    /// The partner.
    pub partner: String,
    /// How often all customers were asked for.
    pub number: i64,
    /// The state that is wanted of all.
    pub wanted: String,
    /// Whether what is so already is done again.
    pub anew: bool,
    /// Whether the list of customers isn't read to its end yet.
    pub listing: bool,
    /// Where it goes on; empty at its begin.
    pub next: String,
    /// When something was last asked for.
    pub asked: i64,
    /// By whom.
    pub asked_by: String,
    /// When the list last went on.
    pub progress: i64,
    /// Why nothing goes on; empty if it does.
    pub trouble: String,
    /// Whether there is something to do now: the list goes on, or customers are due, and no pause lasts.
    pub is_due: bool,
}

/// A customer of a partner. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorCustomer {
    /// The customer's tenant.
    pub customer: String,
    /// Its name, as the partner's list has it; empty if it isn't known.
    pub name: String,
    /// The state that is wanted.
    pub wanted: String,
    /// The state: `due`, `consented`, `removed` or `failed`.
    pub state: String,
    /// The fingerprint of the grants that were consented to; empty if there are none, or none are known.
    pub grants: String,
    /// Whether the consent was there before.
    pub existed: bool,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// What the API last said.
    pub why: String,
    /// When it came into this state; 0 if nothing was done yet.
    pub at: i64,
}

/// How many customers of a partner are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VendorCounts {
    /// Those that wait.
    pub due: i64,
    /// Those that have consented.
    pub consented: i64,
    /// Those of them whose consent was there before.
    pub existed: i64,
    /// Those of them that have consented to other grants than these.
    pub other_grants: i64,
    /// Those whose consent was taken back.
    pub removed: i64,
    /// Those where it failed.
    pub failed: i64,
    /// When a customer last came into another state.
    pub last: i64,
}

/// Who stated that a partner's stored credentials are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorPurge {
    /// The partner.
    pub partner: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub by: String,
    /// How that is proven.
    pub how: String,
}

impl VendorRun {
    /// The columns in their order, without whether there is a pause, and whether customers are due.
    pub(crate) const COLUMNS: &'static str =
        "partner, number, wanted, anew, listing, next, asked, asked_by, progress, trouble";

    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let flag = |at: usize| row.try_get::<i64, _>(at).map(|flag| flag != 0);
        Ok(Self {
            partner: row.try_get(0)?,
            number: row.try_get(1)?,
            wanted: row.try_get(2)?,
            anew: flag(3)?,
            listing: flag(4)?,
            is_due: !flag(10)? && (flag(4)? || flag(11)?),
            next: row.try_get(5)?,
            asked: row.try_get(6)?,
            asked_by: row.try_get(7)?,
            progress: row.try_get(8)?,
            trouble: row.try_get(9)?,
        })
    }
}

impl VendorCustomer {
    /// The columns in their order.
    pub(crate) const COLUMNS: &'static str = "customer, name, wanted, state, grants, existed, attempts, why, at";

    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            customer: row.try_get(0)?,
            name: row.try_get(1)?,
            wanted: row.try_get(2)?,
            state: row.try_get(3)?,
            grants: row.try_get(4)?,
            existed: row.try_get::<i64, _>(5)? != 0,
            attempts: row.try_get(6)?,
            why: row.try_get(7)?,
            at: row.try_get(8)?,
        })
    }
}

impl VendorCounts {
    /// Adds a row of state, whether it existed, whether it has other grants, how many, and the last time.
    pub(crate) fn add(&mut self, row: &AnyRow) -> Result<(), sqlx::Error> {
        let (state, count): (String, i64) = (row.try_get(0)?, row.try_get(3)?);
        let flag = |at: usize| row.try_get::<i64, _>(at).map(|flag| flag != 0);
        match state.as_str() {
            "consented" => {
                self.consented += count;
                self.existed += if flag(1)? { count } else { 0 };
                self.other_grants += if flag(2)? { count } else { 0 };
            }
            "removed" => self.removed += count,
            "failed" => self.failed += count,
            _ => self.due += count,
        }
        self.last = self.last.max(row.try_get(4)?);
        Ok(())
    }
}
