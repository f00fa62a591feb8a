//! What a process must know of exceptions at every moment: those that wait for a decision, and those that may be in
//! force. It asks for one number, and reads the rows only if that has changed.

use sqlx::{AnyConnection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::exception::{COLUMNS, Exception};
use crate::store::Store;

/// The exceptions that are open or in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// The database's clock, in milliseconds.
    pub now: i64,
    /// What stands for all that was read: give it to the next call.
    pub mark: i64,
    /// Those requested or approved whose end has not come; `None` if nothing has changed.
    pub rows: Option<Vec<Exception>>,
}

impl Store {
    /// The exceptions that are open or in force, if one has changed since this mark. Start with a negative one.
    pub async fn register(&self, since: i64) -> Result<Register, StoreError> {
        self.run("register", async {
            let mut lent = self.lend().await?;
            let result = read(lent.connection()?, self.dialect(), since).await;
            lent.done(result)
        })
        .await
    }
}

async fn read(connection: &mut AnyConnection, dialect: Dialect, since: i64) -> Result<Register, StoreError> {
    // The mark is read first: what changes in between is read again the next time.
    const MARK: &str = "SELECT mark, {now} FROM mfa_exception_mark WHERE one = 1";
    let row = sqlx::query(dialect.sql(MARK)).fetch_one(&mut *connection).await?;
    let (mark, now): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if mark == since {
        return Ok(Register { now, mark, rows: None });
    }
    let text = format!(
        "SELECT {COLUMNS} FROM mfa_exception WHERE state IN ('requested', 'approved') AND ends > $1 ORDER BY requested, id"
    );
    let rows = sqlx::query(dialect.built(&text)).bind(now).fetch_all(connection).await?;
    let rows = rows.iter().map(Exception::from_row).collect::<Result<_, _>>()?;
    Ok(Register { now, mark, rows: Some(rows) })
}
