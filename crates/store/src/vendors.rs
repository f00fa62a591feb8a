//! Vendors: what is wanted of the customers of partners, and one replica at a time that does it.

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::session::is_storable;
use crate::store::Store;
use crate::vendor::{VendorPurge, VendorRun, VendorWish};
use crate::vendor_customers::{listed, want};

impl Store {
    /// Takes a wish, for all customers of a partner or for these.
    pub async fn wish_of_vendor(&self, wish: &VendorWish<'_>, customers: Option<&[String]>) -> Result<(), StoreError> {
        let texts = [wish.vendor, wish.partner, wish.wanted, wish.grants, wish.by];
        if !texts.into_iter().chain(customers.unwrap_or_default().iter().map(String::as_str)).all(is_storable) {
            return Err(StoreError::Invalid("the wish"));
        }
        self.run("wish_of_vendor", async {
            let mut lent = self.lend().await?;
            let result = take(lent.connection()?, self.dialect(), wish, customers).await;
            lent.done(result)
        })
        .await
    }

    /// What was last asked for each partner of a vendor, in the order of their names.
    pub async fn vendor_runs(&self, vendor: &str) -> Result<Vec<VendorRun>, StoreError> {
        if !is_storable(vendor) {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT {}, CAST(CASE WHEN paused_until > {{now}} THEN 1 ELSE 0 END AS BIGINT), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM mfa_vendor_customer AS one WHERE one.vendor = mfa_vendor_run.vendor \
             AND one.partner = mfa_vendor_run.partner AND one.state = 'due' AND one.due <= {{now}}) THEN 1 ELSE 0 END \
             AS BIGINT) FROM mfa_vendor_run WHERE vendor = $1 ORDER BY partner",
            VendorRun::COLUMNS
        );
        self.run("vendor_runs", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().built(&text)).bind(vendor);
            let rows = query.fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(VendorRun::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Asks for the right to work for a vendor. It ends by itself after `time`, by the database's clock. Its holder may ask
    /// again. False if another has it, or the vendor pauses.
    pub async fn lease_vendor(&self, vendor: &str, holder: &str, time: Duration) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor SET lease_holder = $1, lease_until = {now} + $2 WHERE id = $3 \
                            AND paused_until <= {now} AND (lease_until <= {now} OR lease_holder = $1)";
        self.change_vendor("lease_vendor", TEXT, (&[holder], time), &[vendor]).await
    }

    /// Gives the right back, if the holder has it, and has nobody work for the vendor before this time is over.
    pub async fn release_vendor(&self, vendor: &str, holder: &str, pause: Duration) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor SET lease_until = 0, paused_until = {now} + $2 WHERE lease_holder = $1 \
                            AND id = $3";
        self.change_vendor("release_vendor", TEXT, (&[holder], pause), &[vendor]).await
    }

    /// Notes why nothing goes on for a partner, and has nobody try before this time is over.
    pub async fn trouble_vendor(
        &self,
        (vendor, partner): (&str, &str),
        trouble: &str,
        pause: Duration,
    ) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor_run SET trouble = $1, paused_until = {now} + $2 WHERE vendor = $3 \
                            AND partner = $4";
        self.change_vendor("trouble_vendor", TEXT, (&[trouble], pause), &[vendor, partner]).await
    }

    /// Ends the reading of a partner's customers before its end.
    pub async fn end_vendor_list(&self, (vendor, partner): (&str, &str), trouble: &str) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_vendor_run SET listing = 0, next = '', trouble = $1, paused_until = $2 \
                            WHERE vendor = $3 AND partner = $4";
        self.change_vendor("end_vendor_list", TEXT, (&[trouble], Duration::ZERO), &[vendor, partner]).await
    }

    /// Adds a part of a partner's customers, with their names, and notes where the list goes on. Returns how many of them the
    /// list did not have before; `None` if the list is another one by now.
    pub async fn list_vendor(
        &self,
        vendor: &str,
        run: &VendorRun,
        grants: &str,
        customers: &[(String, String)],
        next: Option<&str>,
    ) -> Result<Option<u64>, StoreError> {
        let texts = [vendor, grants, next.unwrap_or_default()];
        if !texts.into_iter().all(is_storable) || customers.iter().any(|(id, _)| !is_storable(id)) {
            return Err(StoreError::Invalid("the list"));
        }
        self.run("list_vendor", async {
            let mut lent = self.lend().await?;
            let result = list(lent.connection()?, self.dialect(), (vendor, run, grants), customers, next).await;
            lent.done(result)
        })
        .await
    }

    /// Adds somebody's statement that a partner's stored credentials are gone.
    pub async fn state_purge(&self, vendor: &str, partner: &str, by: &str, how: &str) -> Result<(), StoreError> {
        const TEXT: &str = "INSERT INTO mfa_vendor_purge (vendor, partner, number, at, by_name, how) \
                            SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COUNT(*) + 1, {now}, CAST($3 AS TEXT), \
                            CAST($4 AS TEXT) FROM mfa_vendor_purge WHERE vendor = CAST($1 AS TEXT) \
                            AND partner = CAST($2 AS TEXT)";
        if ![vendor, partner, by, how].into_iter().all(is_storable) {
            return Err(StoreError::Invalid("the statement"));
        }
        self.run("state_purge", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().sql(TEXT)).bind(vendor).bind(partner).bind(by).bind(how);
            let result = query.execute(lent.connection()?).await;
            lent.done(result.map(|_| ()))
        })
        .await
    }

    /// The last statement of each partner of a vendor.
    pub async fn purges(&self, vendor: &str) -> Result<Vec<VendorPurge>, StoreError> {
        const TEXT: &str = "SELECT partner, at, by_name, how FROM mfa_vendor_purge AS one WHERE vendor = $1 \
                            AND number = (SELECT MAX(number) FROM mfa_vendor_purge AS other \
                            WHERE other.vendor = one.vendor AND other.partner = one.partner)";
        if !is_storable(vendor) {
            return Ok(Vec::new());
        }
        self.run("purges", async {
            let mut lent = self.lend().await?;
            let rows = sqlx::query(TEXT).bind(vendor).fetch_all(lent.connection()?).await;
            let mut purges = Vec::new();
            for row in lent.done(rows)? {
                let (partner, at, by, how) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
                purges.push(VendorPurge { partner, at, by, how });
            }
            Ok(purges)
        })
        .await
    }
}

async fn take(
    connection: &mut AnyConnection,
    dialect: Dialect,
    wish: &VendorWish<'_>,
    customers: Option<&[String]>,
) -> Result<(), StoreError> {
    const VENDOR: &str = "INSERT INTO mfa_vendor (id, lease_holder, lease_until, paused_until) VALUES ($1, '', 0, 0) \
                          ON CONFLICT (id) DO NOTHING";
    const RUN: &str = "INSERT INTO mfa_vendor_run (vendor, partner, number, wanted, anew, listing, next, asked, asked_by, \
                       progress, trouble, paused_until) VALUES ($1, $2, 1, $3, $4, $5, '', {now}, $6, {now}, '', 0) \
                       ON CONFLICT (vendor, partner) DO UPDATE SET asked = excluded.asked, asked_by = excluded.asked_by, \
                       progress = excluded.progress, trouble = '', paused_until = 0";
    const ALL: &str = ", number = mfa_vendor_run.number + 1, wanted = excluded.wanted, anew = excluded.anew, listing = 1, \
                       next = ''";
    const REMOVE: &str = "UPDATE mfa_vendor_customer SET wanted = 'removed', wanted_grants = '', attempts = 0, due = 0, \
                          state = CASE WHEN state = 'removed' THEN state ELSE 'due' END WHERE vendor = $1 \
                          AND partner = $2";
    let VendorWish { vendor, partner, wanted, anew, by, .. } = *wish;
    let text = if customers.is_none() { format!("{RUN}{ALL}") } else { RUN.to_owned() };
    let mut transaction = connection.begin().await?;
    sqlx::query(VENDOR).bind(vendor).execute(&mut *transaction).await?;
    let run = sqlx::query(dialect.built(&text)).bind(vendor).bind(partner).bind(wanted).bind(i64::from(anew));
    run.bind(i64::from(customers.is_none())).bind(by).execute(&mut *transaction).await?;
    match customers {
        Some(customers) => {
            let customers = customers.iter().map(|id| (id.as_str(), ""));
            want(&mut transaction, dialect, wish, 0, customers).await?;
        }
        // Those too that the partner's list no longer has.
        None if wanted == "removed" => {
            sqlx::query(REMOVE).bind(vendor).bind(partner).execute(&mut *transaction).await?;
        }
        None => {}
    }
    transaction.commit().await?;
    Ok(())
}

async fn list(
    connection: &mut AnyConnection,
    dialect: Dialect,
    (vendor, run, grants): (&str, &VendorRun, &str),
    customers: &[(String, String)],
    next: Option<&str>,
) -> Result<Option<u64>, StoreError> {
    const NEXT: &str = "UPDATE mfa_vendor_run SET next = $1, listing = $2, progress = {now}, trouble = '' \
                        WHERE vendor = $3 AND partner = $4 AND number = $5 AND listing = 1";
    let mut transaction = connection.begin().await?;
    let query = sqlx::query(dialect.sql(NEXT)).bind(next.unwrap_or_default()).bind(i64::from(next.is_some()));
    let query = query.bind(vendor).bind(&run.partner).bind(run.number);
    if query.execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(None);
    }
    let (partner, wanted) = (run.partner.as_str(), run.wanted.as_str());
    let wish = VendorWish { vendor, partner, wanted, grants, anew: run.anew, by: "" };
    let before = listed(&mut transaction, (vendor, partner), run.number).await?;
    let customers = customers.iter().map(|(id, name)| (id.as_str(), name.as_str()));
    want(&mut transaction, dialect, &wish, run.number, customers).await?;
    let after = listed(&mut transaction, (vendor, partner), run.number).await?;
    transaction.commit().await?;
    Ok(Some(u64::try_from(after - before).unwrap_or_default()))
}
