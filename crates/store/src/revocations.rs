//! Whose tokens have ended by a security event. Rows are added and made stricter, never less strict, until their time is over.

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::listen;
use crate::once::hashed;
use crate::session::is_storable;
use crate::store::Store;

/// How many rows one look returns.
const AT_ONCE: i64 = 5000;

/// How long a transaction may take to become visible, in milliseconds.
const LONGEST_TRANSACTION: i64 = 30_000;

/// That tokens of a subject have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedSubject {
    /// What stands for the subject.
    pub subject: String,
    /// Those issued until then, in milliseconds; the least number for none.
    pub issued: i64,
    /// Those whose user signed in until then, in milliseconds; the least number for none.
    pub signed_in: i64,
    /// The second in which it is forgotten.
    pub until: i64,
}

/// Something that counts once, by its kind and key; remembered until a second.
#[derive(Clone, Copy, Debug)]
pub struct Once<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The key, of any length and content.
    pub key: &'a str,
    /// Until when.
    pub until: i64,
}

/// How far a reader has come.
#[derive(Clone, Debug, Default)]
pub struct RevocationsSeen {
    place: (i64, String),
    /// The database's time when this walk began.
    began: i64,
}

impl Store {
    /// Revokes, and notes what it was told by, both or neither. Returns whether that came for the first time; if not, nothing
    /// is revoked. When it returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// After one, it may have been done or not.
    pub async fn revoke(&self, told_by: Once<'_>, subjects: &[RevokedSubject]) -> Result<bool, StoreError> {
        if !is_storable(told_by.kind) || subjects.iter().any(|one| !is_storable(&one.subject)) {
            return Err(StoreError::Invalid("the kind, or a subject"));
        }
        // In one order, so that two replicas don't wait for each other.
        let mut subjects: Vec<_> = subjects.iter().collect();
        subjects.sort_unstable_by_key(|one| &one.subject);
        self.run("revoke", async {
            let mut lent = self.lend().await?;
            let result = revoke(lent.connection()?, self.dialect(), told_by, &subjects).await;
            lent.done(result)
        })
        .await
    }

    /// Whether something that counts once has been used.
    pub async fn was_used(&self, kind: &str, key: &str) -> Result<bool, StoreError> {
        self.run("was_used", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query("SELECT 1 FROM mfa_used WHERE kind = $1 AND key = $2").bind(kind).bind(hashed(key));
            let found = query.fetch_optional(lent.connection()?).await;
            Ok(lent.done(found)?.is_some())
        })
        .await
    }

    /// What was revoked since the last call with this cursor, and whether there is more to read now. Each may have been told
    /// before.
    pub async fn revocations(&self, seen: &mut RevocationsSeen) -> Result<(Vec<RevokedSubject>, bool), StoreError> {
        const TEXT: &str = "SELECT subject, issued, signed_in, until, changed, {now} FROM mfa_revocation \
                            WHERE (changed, subject) > ($1, $2) ORDER BY changed, subject LIMIT $3";
        let (time, subject) = &seen.place;
        let rows = self
            .run("revocations", async {
                let mut lent = self.lend().await?;
                let query = sqlx::query(self.dialect().sql(TEXT)).bind(*time).bind(subject).bind(AT_ONCE);
                let rows = query.fetch_all(lent.connection()?).await;
                lent.done(rows)
            })
            .await?;
        let more = i64::try_from(rows.len()).is_ok_and(|rows| rows >= AT_ONCE);
        let mut subjects = Vec::with_capacity(rows.len());
        for row in &rows {
            if seen.began == 0 {
                seen.began = row.try_get(5)?;
            }
            let subject: String = row.try_get(0)?;
            seen.place = (row.try_get(4)?, subject.clone());
            let (issued, signed_in, until) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            subjects.push(RevokedSubject { subject, issued, signed_in, until });
        }
        if !more && !subjects.is_empty() {
            // Rows become visible later than they are written: each walk reaches back.
            let from = std::mem::take(&mut seen.began).saturating_sub(LONGEST_TRANSACTION);
            seen.place = (from, String::new());
        }
        Ok((subjects, more))
    }
}

async fn revoke(
    connection: &mut AnyConnection,
    dialect: Dialect,
    told_by: Once<'_>,
    subjects: &[&RevokedSubject],
) -> Result<bool, StoreError> {
    const USED: &str = "INSERT INTO mfa_used (kind, key, until) VALUES ($1, $2, $3) ON CONFLICT (kind, key) DO NOTHING";
    const TEXT: &str = "INSERT INTO mfa_revocation (subject, issued, signed_in, until, changed) \
                        VALUES ($1, $2, $3, $4, {now}) ON CONFLICT (subject) DO UPDATE SET \
                        issued = CASE WHEN excluded.issued > mfa_revocation.issued \
                        THEN excluded.issued ELSE mfa_revocation.issued END, \
                        signed_in = CASE WHEN excluded.signed_in > mfa_revocation.signed_in \
                        THEN excluded.signed_in ELSE mfa_revocation.signed_in END, \
                        until = CASE WHEN excluded.until > mfa_revocation.until \
                        THEN excluded.until ELSE mfa_revocation.until END, changed = {now}";
    let mut transaction = connection.begin().await?;
    let Once { kind, key, until } = told_by;
    let used = sqlx::query(USED).bind(kind).bind(hashed(key)).bind(until).execute(&mut *transaction).await?;
    if used.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    for RevokedSubject { subject, issued, signed_in, until } in subjects {
        let query = sqlx::query(dialect.sql(TEXT)).bind(subject).bind(*issued).bind(*signed_in).bind(*until);
        query.execute(&mut *transaction).await?;
    }
    if !subjects.is_empty() {
        listen::tell(&mut transaction, dialect).await?;
    }
    transaction.commit().await?;
    Ok(true)
}
