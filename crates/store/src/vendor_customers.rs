//! The customers of a vendor's partners, one by one: which are due, and what became of each.
//!
//! What was done to a customer counts only for the wish that it was done for: another one may have taken its place.

use std::time::Duration;

use sqlx::{AnyConnection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::rows::{Rows, Upsert, Value};
use crate::session::is_storable;
use crate::store::Store;
use crate::vendor::{VendorCounts, VendorCustomer, VendorWish};

/// The longest list.
const LONGEST: u32 = 1000;

/// What stands for grants that are to be consented to once more.
const ANEW: &str = "-";

/// What became of a customer.
#[derive(Clone, Copy, Debug)]
pub struct VendorOutcome<'a> {
    /// The vendor.
    pub vendor: &'a str,
    /// The partner.
    pub partner: &'a str,
    /// The customer.
    pub customer: &'a str,
    /// The wish that it was done for.
    pub wanted: &'a str,
    /// The state from now on.
    pub state: &'a str,
    /// The fingerprint of the grants that it has consented to now.
    pub grants: &'a str,
    /// Whether the consent was there before.
    pub existed: bool,
    /// What the API said.
    pub why: &'a str,
}

impl Store {
    /// Customers that are due, in the order of their ids.
    pub async fn due_of_vendor(
        &self,
        (vendor, partner): (&str, &str),
        most: u32,
    ) -> Result<Vec<VendorCustomer>, StoreError> {
        let text = format!(
            "SELECT {} FROM mfa_vendor_customer WHERE vendor = $1 AND partner = $2 AND state = 'due' AND due <= {{now}} \
             ORDER BY customer LIMIT $3",
            VendorCustomer::COLUMNS
        );
        self.rows_of_vendor("due_of_vendor", &text, &[vendor, partner], most).await
    }

    /// Customers of a partner in a state, those after an id.
    pub async fn customers_of_vendor(
        &self,
        (vendor, partner): (&str, &str),
        state: &str,
        after: &str,
        most: u32,
    ) -> Result<Vec<VendorCustomer>, StoreError> {
        let text = format!(
            "SELECT {} FROM mfa_vendor_customer WHERE vendor = $1 AND partner = $2 AND state = $4 AND customer > $5 \
             ORDER BY customer LIMIT $3",
            VendorCustomer::COLUMNS
        );
        self.rows_of_vendor("customers_of_vendor", &text, &[vendor, partner, state, after], most).await
    }

    /// Notes what became of a customer. False if something else is wanted by now.
    pub async fn settle_vendor(&self, outcome: &VendorOutcome<'_>) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor_customer SET state = $1, grants = $2, existed = $3, why = $4, attempts = 0, \
                            at = {now} WHERE vendor = $5 AND partner = $6 AND customer = $7 AND wanted = $8 \
                            AND state = 'due'";
        let VendorOutcome { vendor, partner, customer, wanted, state, grants, existed, why } = *outcome;
        if ![vendor, partner, customer, wanted, state, grants, why].into_iter().all(is_storable) {
            return Err(StoreError::Invalid("the outcome"));
        }
        self.run("settle_vendor", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().sql(TEXT)).bind(state).bind(grants).bind(i64::from(existed));
            let query = query.bind(why).bind(vendor).bind(partner).bind(customer).bind(wanted);
            let result = query.execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }

    /// Has a customer wait for another attempt.
    pub async fn postpone_vendor(
        &self,
        (vendor, partner, customer): (&str, &str, &str),
        why: &str,
        pause: Duration,
    ) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor_customer SET attempts = attempts + 1, why = $1, due = {now} + $2 \
                            WHERE vendor = $3 AND partner = $4 AND customer = $5 AND state = 'due'";
        self.change_vendor("postpone_vendor", TEXT, (&[why], pause), &[vendor, partner, customer]).await
    }

    /// How many customers of a partner are in each state, if these are the grants.
    pub async fn count_vendor(
        &self,
        (vendor, partner): (&str, &str),
        grants: &str,
    ) -> Result<VendorCounts, StoreError> {
        const TEXT: &str = "SELECT state, existed, CAST(CASE WHEN grants <> $3 THEN 1 ELSE 0 END AS BIGINT) AS other, \
                            CAST(COUNT(*) AS BIGINT), CAST(MAX(at) AS BIGINT) FROM mfa_vendor_customer \
                            WHERE vendor = $1 AND partner = $2 GROUP BY 1, 2, 3";
        if ![vendor, partner, grants].into_iter().all(is_storable) {
            return Ok(VendorCounts::default());
        }
        self.run("count_vendor", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(TEXT).bind(vendor).bind(partner).bind(grants);
            let rows = query.fetch_all(lent.connection()?).await;
            let mut counts = VendorCounts::default();
            for row in lent.done(rows)? {
                counts.add(&row)?;
            }
            Ok(counts)
        })
        .await
    }

    async fn rows_of_vendor(
        &self,
        operation: &'static str,
        text: &str,
        texts: &[&str],
        most: u32,
    ) -> Result<Vec<VendorCustomer>, StoreError> {
        if !texts.iter().copied().all(is_storable) {
            return Ok(Vec::new());
        }
        self.run(operation, async {
            let mut query = sqlx::query(self.dialect().built(text));
            for (at, value) in texts.iter().enumerate() {
                query = query.bind(*value);
                if at == 1 {
                    query = query.bind(i64::from(most.min(LONGEST)));
                }
            }
            let mut lent = self.lend().await?;
            let rows = query.fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(VendorCustomer::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Runs a statement with texts, a time, and what names the row. Whether there was one to change.
    pub(crate) async fn change_vendor(
        &self,
        operation: &'static str,
        text: &'static str,
        (first, time): (&[&str], Duration),
        rest: &[&str],
    ) -> Result<bool, StoreError> {
        if !first.iter().chain(rest).copied().all(is_storable) {
            return Ok(false);
        }
        self.run(operation, async {
            let mut query = sqlx::query(self.dialect().sql(text));
            for value in first {
                query = query.bind(*value);
            }
            query = query.bind(i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2));
            for value in rest {
                query = query.bind(*value);
            }
            let mut lent = self.lend().await?;
            let result = query.execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }
}

/// Notes a wish for customers.
pub(crate) async fn want(
    connection: &mut AnyConnection,
    dialect: Dialect,
    wish: &VendorWish<'_>,
    run: i64,
    customers: impl Iterator<Item = (&str, &str)>,
) -> Result<(), StoreError> {
    const UPSERT: Upsert = Upsert {
        into: "mfa_vendor_customer (vendor, partner, customer, name, run, wanted, wanted_grants, grants, state, existed, \
               attempts, due, why, at)",
        conflict: "(vendor, partner, customer) DO UPDATE SET \
                   name = CASE WHEN excluded.name = '' THEN mfa_vendor_customer.name ELSE excluded.name END, \
                   run = excluded.run, wanted = excluded.wanted, wanted_grants = excluded.wanted_grants, attempts = 0, \
                   due = 0, state = CASE WHEN mfa_vendor_customer.state = excluded.wanted \
                   AND mfa_vendor_customer.grants = excluded.wanted_grants AND excluded.grants = '' \
                   THEN mfa_vendor_customer.state ELSE 'due' END, \
                   grants = CASE WHEN excluded.grants = '' THEN mfa_vendor_customer.grants ELSE excluded.grants END",
    };
    let mut rows = Rows::new();
    for (customer, name) in customers {
        let text = |text: &'static str| Value::Text(text.into());
        let key = [wish.vendor, wish.partner, customer].map(|part| Value::Text(part.into()));
        let grants = if wish.anew { ANEW } else { "" };
        let rest = vec![
            Value::shortened(name),
            Value::Number(run),
            Value::Text(wish.wanted.into()),
            Value::Text(wish.grants.into()),
            text(grants),
            text("due"),
            Value::Number(0),
            Value::Number(0),
            Value::Number(0),
            text(""),
            Value::Number(0),
        ];
        rows.insert(key.to_vec(), rest);
    }
    UPSERT.write(connection, dialect, &rows).await
}

/// How many customers a list has so far.
pub(crate) async fn listed(
    connection: &mut AnyConnection,
    (vendor, partner): (&str, &str),
    run: i64,
) -> Result<i64, sqlx::Error> {
    let text =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM mfa_vendor_customer WHERE vendor = $1 AND partner = $2 AND run = $3";
    sqlx::query(text).bind(vendor).bind(partner).bind(run).fetch_one(connection).await?.try_get(0)
}
