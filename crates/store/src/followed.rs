//! What has become of consents since the last look: so that a replica which keeps access tokens in memory learns that
//! another one has withdrawn a consent, or stored a new one in its place.

use sqlx::Row as _;

use crate::error::StoreError;
use crate::store::Store;

/// How many rows one look returns.
const AT_ONCE: i64 = 1000;

/// How long a transaction may take to become visible, in milliseconds.
const LONGEST_TRANSACTION: i64 = 30_000;

/// How far a reader has come.
#[derive(Clone, Debug, Default)]
pub struct ConsentsSeen {
    place: (i64, String),
    /// The database's time when this walk began.
    began: i64,
}

/// A consent that has changed. It may have been told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentChange {
    /// Its name.
    pub id: String,
    /// When it was given: another time is another consent.
    pub given: i64,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

impl Store {
    /// The consents that have changed since the last call with this cursor, and whether there are more to read now.
    pub async fn changed_consents(&self, seen: &mut ConsentsSeen) -> Result<(Vec<ConsentChange>, bool), StoreError> {
        const TEXT: &str = "SELECT id, given, CASE WHEN secret = $1 THEN 1 ELSE 0 END, changed, {now} FROM mfa_consent \
                            WHERE (changed, id) > ($2, $3) ORDER BY changed, id LIMIT $4";
        let (time, id) = &seen.place;
        let rows = self
            .run("changed_consents", async {
                let mut lent = self.lend().await?;
                let query = sqlx::query(self.dialect().sql(TEXT)).bind(Vec::new()).bind(*time).bind(id).bind(AT_ONCE);
                let rows = query.fetch_all(lent.connection()?).await;
                lent.done(rows)
            })
            .await?;
        let more = i64::try_from(rows.len()).is_ok_and(|rows| rows >= AT_ONCE);
        let mut changes = Vec::new();
        for row in &rows {
            let (withdrawn, at, now): (i64, i64, i64) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
            let change = ConsentChange { id: row.try_get(0)?, given: row.try_get(1)?, withdrawn: withdrawn == 1 };
            if seen.began == 0 {
                seen.began = now;
            }
            seen.place = (at, change.id.clone());
            changes.push(change);
        }
        if !more && !changes.is_empty() {
            // Rows become visible later than they are written: each walk reaches back.
            let from = std::mem::take(&mut seen.began).saturating_sub(LONGEST_TRANSACTION);
            seen.place = (from, String::new());
        }
        Ok((changes, more))
    }
}
