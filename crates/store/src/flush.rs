//! Writing down what a replica has counted, once.

use sqlx::{AnyConnection, Connection};

use crate::customers::CustomerRequests;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::requests::RecentRequest;
use crate::rows::shortened;
use crate::store::Store;
use crate::tallies::Tally;
use crate::users::UserRequests;

/// What a replica has counted since its last flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush<'f> {
    /// The replica's name, which no other process has or had.
    pub replica: &'f str,
    /// The number of this flush, higher than those before; a repetition has the number of what it repeats.
    pub sequence: i64,
    /// What to add to the tallies.
    pub tallies: &'f [Tally],
    /// What to add to the users.
    pub users: &'f [UserRequests],
    /// What to add to the customers.
    pub customers: &'f [CustomerRequests],
    /// The requests to list.
    pub recent: &'f [RecentRequest],
}

impl Store {
    /// Adds all of a flush or nothing, and returns whether it did: false if a flush of this replica with this number, or
    /// a higher one, was added before.
    ///
    /// # Errors
    ///
    /// After one, it may have been added or not. Repeat it with the same number: it never counts twice.
    pub async fn flush(&self, flush: &Flush<'_>) -> Result<bool, StoreError> {
        self.run("flush", async {
            let mut lent = self.lend().await?;
            let result = add(lent.connection()?, self.dialect(), flush).await;
            lent.done(result)
        })
        .await
    }
}

async fn add(connection: &mut AnyConnection, dialect: Dialect, flush: &Flush<'_>) -> Result<bool, StoreError> {
    // A repetition waits here until its original is committed or gone.
    const TAKE: &str = "INSERT INTO mfa_flush (replica, sequence, at) VALUES ($1, $2, {now}) ON CONFLICT (replica) \
                        DO UPDATE SET sequence = excluded.sequence, at = excluded.at \
                        WHERE mfa_flush.sequence < excluded.sequence";
    let Flush { replica, sequence, tallies, users, customers, recent } = flush;
    let replica = shortened(replica);
    let mut transaction = connection.begin().await?;
    let take = sqlx::query(dialect.sql(TAKE)).bind(&*replica).bind(*sequence);
    if take.execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    Tally::UPSERT.write(&mut transaction, dialect, &Tally::rows(tallies)).await?;
    UserRequests::UPSERT.write(&mut transaction, dialect, &UserRequests::rows(users)).await?;
    CustomerRequests::UPSERT.write(&mut transaction, dialect, &CustomerRequests::rows(customers)).await?;
    RecentRequest::UPSERT.write(&mut transaction, dialect, &RecentRequest::rows(recent)).await?;
    transaction.commit().await?;
    Ok(true)
}
