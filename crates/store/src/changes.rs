//! What has changed since the last look, for the table in memory.
//!
//! Rows carry the database's time of their statement, and become visible at its commit, in another order. So each look
//! reaches back over the longest time that a transaction may take, and tells some changes twice. From time to time, and
//! after a failure, it looks at every end again: another server may have taken over, whose clock is behind.

use std::time::{Duration, Instant};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::store::Store;

/// How many rows one look returns, of each sort.
const AT_ONCE: u16 = 5000;

/// How long a transaction may take to become visible, in milliseconds. With SQLite there is one at a time.
const LONGEST_TRANSACTION: [i64; 2] = [30_000, 1_000];

/// The time between two looks at last uses, which nobody waits for.
const SEEN_EVERY: Duration = Duration::from_secs(10);

/// The time between two looks at every end.
const ALL_EVERY: Duration = Duration::from_secs(600);

/// How long after its end a session is still told, in seconds: clocks differ.
pub(crate) const SLACK: i64 = 300;

/// How far a reader has come. Each has its own, and begins with the default.
#[derive(Debug, Default)]
pub struct Cursor {
    rows: Round,
    seen: Round,
    /// When every end was last told.
    complete: Option<Instant>,
    seen_at: Option<Instant>,
    /// What is older was told in an earlier round, if the session neither ended nor was renewed.
    known_until: i64,
}

/// A walk over rows in the order of their time, over several looks.
#[derive(Debug, Default)]
struct Round {
    /// Where it stands, if it isn't over.
    place: Option<(i64, String)>,
    /// The database's time when it began. When it is over, the next begins there.
    began: i64,
}

/// What has changed. Everything in it may have been told before.
#[derive(Debug, Default)]
pub struct Changes {
    /// Sessions that have ended, and when they would have expired: until then, they must be remembered.
    pub ended: Vec<(String, i64)>,
    /// Sessions, new ones among them: id, last use, and when it expires. Some may have ended: the end counts.
    pub seen: Vec<(String, i64, i64)>,
    /// Sessions that were renewed: id, generation.
    pub renewed: Vec<(String, i64)>,
    /// Whether there is more to read now.
    pub more: bool,
}

impl Store {
    /// What has changed since the last call with this cursor; at first, every session that hasn't expired.
    pub async fn changes(&self, cursor: &mut Cursor) -> Result<Changes, StoreError> {
        let result = self
            .run("changes", async {
                let mut lent = self.lend().await?;
                let result = cursor.read(lent.connection()?, self.dialect()).await;
                lent.done(result)
            })
            .await;
        if result.is_err() {
            cursor.complete = None;
        }
        result
    }
}

impl Cursor {
    async fn read(&mut self, connection: &mut AnyConnection, dialect: Dialect) -> Result<Changes, StoreError> {
        let [postgres, sqlite] = LONGEST_TRANSACTION;
        let overlap = if dialect == Dialect::Postgres { postgres } else { sqlite };
        let mut changes = Changes::default();
        let row = sqlx::query(dialect.sql("SELECT {now}")).fetch_one(&mut *connection).await?;
        let now: i64 = row.try_get(0)?;
        if self.rows.place.is_none() {
            self.start(now, overlap);
        }
        self.read_rows(connection, dialect, now, &mut changes).await?;
        match self.seen_at {
            // The first walk over the rows tells their last uses.
            None => (self.seen.began, self.seen_at) = (now, Some(Instant::now())),
            Some(at) if self.seen.place.is_none() && at.elapsed() >= SEEN_EVERY => {
                let from = self.seen.began.saturating_sub(overlap);
                self.seen = Round { place: Some((from, String::new())), began: now };
            }
            Some(_) => {}
        }
        self.read_seen(connection, dialect, &mut changes).await?;
        changes.more = self.rows.place.is_some() || self.seen.place.is_some();
        Ok(changes)
    }

    fn start(&mut self, now: i64, overlap: i64) {
        let from = self.rows.began.saturating_sub(overlap);
        let is_first = self.rows.began == 0;
        let is_back = now < self.rows.began;
        let all = is_first || is_back || self.complete.is_none_or(|at| at.elapsed() >= ALL_EVERY);
        self.known_until = if is_first { 0 } else { from };
        if all {
            self.complete = Some(Instant::now());
        }
        self.rows = Round { place: Some((if all { 0 } else { from }, String::new())), began: now };
    }

    async fn read_rows(
        &mut self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        now: i64,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        const TEXT: &str = "SELECT s.id, s.changed, s.ended, s.expires, n.at, s.generation \
                            FROM mfa_session s JOIN mfa_seen n ON n.id = s.id \
                            WHERE (s.changed, s.id) > ($1, $2) AND s.expires > $3 \
                            AND (s.changed >= $4 OR s.ended > 0 OR s.generation > 0) \
                            ORDER BY s.changed, s.id LIMIT $5";
        let Some((time, id)) = &self.rows.place else { return Ok(()) };
        let query = sqlx::query(dialect.sql(TEXT)).bind(*time).bind(id).bind(now / 1000 - SLACK).bind(self.known_until);
        let rows = query.bind(i64::from(AT_ONCE)).fetch_all(connection).await?;
        for row in &rows {
            let (id, ended, generation): (String, i64, i64) = (row.try_get(0)?, row.try_get(2)?, row.try_get(5)?);
            if ended > 0 {
                changes.ended.push((id, row.try_get(3)?));
                continue;
            }
            if generation > 0 {
                changes.renewed.push((id.clone(), generation));
            }
            changes.seen.push((id, row.try_get(4)?, row.try_get(3)?));
        }
        self.rows.place = place_after(&rows)?;
        Ok(())
    }

    async fn read_seen(
        &mut self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        const TEXT: &str = "SELECT n.id, n.written, n.at, s.expires FROM mfa_seen n JOIN mfa_session s ON s.id = n.id \
                            WHERE (n.written, n.id) > ($1, $2) ORDER BY n.written, n.id LIMIT $3";
        let Some((time, id)) = &self.seen.place else { return Ok(()) };
        let query = sqlx::query(dialect.sql(TEXT)).bind(*time).bind(id).bind(i64::from(AT_ONCE));
        let rows = query.fetch_all(connection).await?;
        for row in &rows {
            changes.seen.push((row.try_get(0)?, row.try_get(2)?, row.try_get(3)?));
        }
        self.seen.place = place_after(&rows)?;
        self.seen_at = Some(Instant::now());
        Ok(())
    }
}

/// Where a walk goes on after these rows, whose first columns are id and time; `None` if they were the last.
fn place_after(rows: &[AnyRow]) -> Result<Option<(i64, String)>, sqlx::Error> {
    match rows.last() {
        Some(last) if rows.len() >= usize::from(AT_ONCE) => Ok(Some((last.try_get(1)?, last.try_get(0)?))),
        _ => Ok(None),
    }
}
