//! What the status report forgets: what is past its time, and people on demand.

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::requests::MOST_RECENT;
use crate::rows::{Value, shortened};
use crate::store::Store;
use crate::tallies::{SPANS, WHOLE_DAY};

/// How many rows one call deletes, of each sort.
const AT_ONCE: u32 = 5000;

/// How many tenants one call reduces to their newest requests.
const TENANTS_AT_ONCE: u32 = 50;

/// How long a replica's last flush is known, in milliseconds: nobody repeats one after so long.
const REPLICA_KEPT: i64 = 7 * 24 * 60 * 60 * 1000;

/// What the status report keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Tallies of earlier days go, and what is counted of customers, in days since 1970.
    pub tallies_before_day: i64,
    /// What users did on earlier days goes, in days since 1970.
    pub users_before_day: i64,
    /// Earlier requests go, in milliseconds since 1970.
    pub recent_before_ms: i64,
    /// The most requests that stay of each tenant.
    pub recent_most: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            tallies_before_day: i64::MIN,
            users_before_day: i64::MIN,
            recent_before_ms: i64::MIN,
            recent_most: MOST_RECENT,
        }
    }
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows of tallies and of customers: several for each.
    pub tallies: u64,
    /// Users on a day.
    pub users: u64,
    /// Requests.
    pub recent: u64,
    /// Whether there may be more.
    pub more: bool,
}

impl Store {
    /// Deletes what is past its time. Several replicas may do so at once: rows that another deletes are left to it.
    pub async fn forget(&self, retention: &Retention) -> Result<Forgotten, StoreError> {
        const TALLIES: &str = "DELETE FROM mfa_tally WHERE \
                               (span, day, issuer, tenant, application, route, credential, outcome, exception) IN \
                               (SELECT span, day, issuer, tenant, application, route, credential, outcome, exception \
                               FROM mfa_tally WHERE span = $1 AND day < $2 ORDER BY day LIMIT $3 {free lock})";
        const CUSTOMERS: &str = "DELETE FROM mfa_customer WHERE (span, day, issuer, customer, partner) IN \
                                 (SELECT span, day, issuer, customer, partner FROM mfa_customer \
                                 WHERE span = $1 AND day < $2 ORDER BY day LIMIT $3 {free lock})";
        const USERS: &str = "DELETE FROM mfa_user WHERE (day, issuer, tenant, user_id, credential) IN \
                             (SELECT day, issuer, tenant, user_id, credential FROM mfa_user WHERE day < $1 \
                             ORDER BY day LIMIT $2 {free lock})";
        const RECENT: &str = "DELETE FROM mfa_recent WHERE (replica, number) IN \
                              (SELECT replica, number FROM mfa_recent WHERE at < $1 ORDER BY at LIMIT $2 {free lock})";
        const REPLICAS: &str = "DELETE FROM mfa_flush WHERE replica IN \
                                (SELECT replica FROM mfa_flush WHERE at < {now} - $1 ORDER BY at LIMIT $2 {free lock})";
        let Retention { tallies_before_day, users_before_day, recent_before_ms, recent_most } = *retention;
        let (mut tallies, mut more) = (0, false);
        for span in [WHOLE_DAY].into_iter().chain(SPANS) {
            // Several days go with the last of them.
            let before = tallies_before_day.saturating_sub(span.max(1) - 1);
            for text in [TALLIES, CUSTOMERS] {
                let some = self.delete(text, vec![Value::Number(span), Value::Number(before)]).await?;
                tallies += some;
                more |= some >= u64::from(AT_ONCE);
            }
        }
        let users = self.delete(USERS, vec![Value::Number(users_before_day)]).await?;
        let recent = self.delete(RECENT, vec![Value::Number(recent_before_ms)]).await?;
        self.delete(REPLICAS, vec![Value::Number(REPLICA_KEPT)]).await?;
        let (excess, more_excess) = self.forget_excess(recent_most).await?;
        more |= more_excess || users.max(recent) >= u64::from(AT_ONCE);
        Ok(Forgotten { tallies, users, recent: recent + excess, more })
    }

    /// Deletes all but the newest requests of each tenant, and returns how many, and whether there may be more.
    async fn forget_excess(&self, most: u32) -> Result<(u64, bool), StoreError> {
        const TENANTS: &str = "SELECT tenant FROM mfa_recent GROUP BY tenant HAVING COUNT(*) > $1 LIMIT $2";
        const EXCESS: &str = "DELETE FROM mfa_recent WHERE (replica, number) IN \
                              (SELECT replica, number FROM mfa_recent WHERE tenant = $1 AND (at, replica, number) <= \
                              (SELECT at, replica, number FROM mfa_recent WHERE tenant = $1 \
                              ORDER BY at DESC, replica DESC, number DESC LIMIT 1 OFFSET $2) \
                              ORDER BY at, replica, number LIMIT $3 {free lock})";
        let rows = self
            .run("forget", async {
                let mut lent = self.lend().await?;
                let query = sqlx::query(TENANTS).bind(i64::from(most)).bind(i64::from(TENANTS_AT_ONCE));
                let rows = query.fetch_all(lent.connection()?).await;
                lent.done(rows)
            })
            .await?;
        let (mut deleted, mut more) = (0, rows.len() >= TENANTS_AT_ONCE as usize);
        for row in rows {
            let tenant: String = row.try_get(0)?;
            let some = self.delete(EXCESS, vec![Value::Text(tenant.into()), Value::Number(most.into())]).await?;
            deleted += some;
            more |= some >= u64::from(AT_ONCE);
        }
        Ok((deleted, more))
    }

    /// Deletes rows, at most [`AT_ONCE`], and returns how many.
    async fn delete(&self, text: &'static str, mut values: Vec<Value<'_>>) -> Result<u64, StoreError> {
        values.push(Value::Number(AT_ONCE.into()));
        let deleted = self
            .run("forget", async {
                let mut query = sqlx::query(self.dialect().sql(text));
                for value in &values {
                    query = value.bind(query);
                }
                let mut lent = self.lend().await?;
                let result = query.execute(lent.connection()?).await;
                Ok(lent.done(result)?.rows_affected())
            })
            .await?;
        self.metrics().purged(deleted);
        Ok(deleted)
    }

    /// Deletes what names this user, and returns how many rows that were. Tallies and customers name none.
    ///
    /// What a replica hasn't flushed yet comes after it: erase again once every replica has.
    pub async fn erase(&self, issuer: &str, tenant: &str, user: &str) -> Result<u64, StoreError> {
        let who = [issuer, tenant, user].map(shortened);
        self.run("erase", async {
            let mut lent = self.lend().await?;
            let result = erase(lent.connection()?, self.dialect(), who.each_ref().map(|text| &**text)).await;
            lent.done(result)
        })
        .await
    }
}

async fn erase(connection: &mut AnyConnection, dialect: Dialect, who: [&str; 3]) -> Result<u64, StoreError> {
    // Requests of applications alone name no user, and stay.
    const USERS: &str = "DELETE FROM mfa_user WHERE (day, issuer, tenant, user_id, credential) IN \
                         (SELECT day, issuer, tenant, user_id, credential FROM mfa_user WHERE issuer = $1 \
                         AND tenant = $2 AND user_id = $3 AND user_id <> '' ORDER BY day, credential {ordered lock})";
    const RECENT: &str = "DELETE FROM mfa_recent WHERE (replica, number) IN \
                          (SELECT replica, number FROM mfa_recent WHERE issuer = $1 AND tenant = $2 AND user_id = $3 \
                          AND user_id <> '' ORDER BY replica, number {ordered lock})";
    let mut transaction = connection.begin().await?;
    let mut deleted = 0;
    for text in [USERS, RECENT] {
        let query = who.into_iter().fold(sqlx::query(dialect.sql(text)), sqlx::query::Query::bind);
        deleted += query.execute(&mut *transaction).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(deleted)
}
