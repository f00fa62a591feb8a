//! Refreshing a session's tokens: one replica at a time, and never after the session's end.

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::listen;
use crate::session::is_storable;
use crate::store::Store;

/// The result of asking for the right to refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It is the holder's, for the time asked for.
    Granted,
    /// Another holder has it.
    Held,
    /// The session was renewed in the meantime, to this generation.
    Renewed(i64),
    /// The session has ended, or isn't there.
    Ended,
}

/// What a refresh brought.
#[derive(Clone, Copy)]
pub struct Renewal<'a> {
    /// The session.
    pub id: &'a str,
    /// The generation whose token was used.
    pub generation: i64,
    /// Sealed: the new tokens.
    pub secret: &'a [u8],
    /// What they show.
    pub evidence: &'a [u8],
    /// Whether MFA is still proven.
    pub mfa: bool,
}

impl std::fmt::Debug for Renewal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewal").field("id", &self.id).field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Store {
    /// Asks for the right to refresh the session's tokens of this generation. It ends by itself after `time`, by the
    /// database's clock, and with the renewal. Its holder may ask again.
    pub async fn lease(&self, id: &str, holder: &str, generation: i64, time: Duration) -> Result<Lease, StoreError> {
        const TAKE: &str = "UPDATE mfa_session SET lease_holder = $1, lease_until = {now} + $2 WHERE id = $3 \
                            AND generation = $4 AND ended = 0 AND (lease_until <= {now} OR lease_holder = $1)";
        if !is_storable(id) || !is_storable(holder) {
            return Ok(Lease::Ended);
        }
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        self.run("lease", async {
            let mut lent = self.lend().await?;
            let take = sqlx::query(self.dialect().sql(TAKE)).bind(holder).bind(millis).bind(id).bind(generation);
            let result = match take.execute(lent.connection()?).await {
                Ok(done) if done.rows_affected() > 0 => Ok(Lease::Granted),
                Ok(_) => why_not(lent.connection()?, id, generation).await,
                Err(error) => Err(error),
            };
            lent.done(result)
        })
        .await
    }

    /// Gives the right back, if the holder has it.
    pub async fn release(&self, id: &str, holder: &str) -> Result<(), StoreError> {
        if !is_storable(id) || !is_storable(holder) {
            return Ok(());
        }
        self.run("release", async {
            let text = "UPDATE mfa_session SET lease_until = 0 WHERE id = $1 AND lease_holder = $2";
            let mut lent = self.lend().await?;
            let result = sqlx::query(text).bind(id).bind(holder).execute(lent.connection()?).await;
            lent.done(result.map(|_| ()))
        })
        .await
    }

    /// Stores what a refresh brought, in the next generation. False if the session has ended, or another has renewed it.
    /// A repetition after a failure whose change was made is true as well.
    pub async fn renew(&self, renewal: &Renewal<'_>) -> Result<bool, StoreError> {
        if !is_storable(renewal.id) {
            return Ok(false);
        }
        self.run("renew", async {
            let mut lent = self.lend().await?;
            let result = replace(lent.connection()?, self.dialect(), renewal).await;
            lent.done(result)
        })
        .await
    }
}

async fn why_not(connection: &mut AnyConnection, id: &str, generation: i64) -> Result<Lease, sqlx::Error> {
    let text = "SELECT ended, generation FROM mfa_session WHERE id = $1";
    let Some(row) = sqlx::query(text).bind(id).fetch_optional(connection).await? else { return Ok(Lease::Ended) };
    let (ended, now): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match (ended, now) {
        (0, now) if now == generation => Lease::Held,
        (0, now) => Lease::Renewed(now),
        _ => Lease::Ended,
    })
}

async fn replace(connection: &mut AnyConnection, dialect: Dialect, new: &Renewal<'_>) -> Result<bool, StoreError> {
    const SWAP: &str = "UPDATE mfa_session SET secret = $1, evidence = $2, mfa = $3, generation = generation + 1, \
                        lease_holder = '', lease_until = 0, changed = {now} \
                        WHERE id = $4 AND generation = $5 AND ended = 0";
    let mut transaction = connection.begin().await?;
    let swap = sqlx::query(dialect.sql(SWAP))
        .bind(new.secret)
        .bind(new.evidence)
        .bind(i64::from(new.mfa))
        .bind(new.id)
        .bind(new.generation)
        .execute(&mut *transaction)
        .await?;
    if swap.rows_affected() == 0 {
        transaction.rollback().await?;
        let text = "SELECT 1 FROM mfa_session WHERE id = $1 AND generation = $2 + 1 AND secret = $3 AND ended = 0";
        let query = sqlx::query(text).bind(new.id).bind(new.generation).bind(new.secret);
        return Ok(query.fetch_optional(connection).await?.is_some());
    }
    listen::tell(&mut transaction, dialect).await?;
    transaction.commit().await?;
    Ok(true)
}
