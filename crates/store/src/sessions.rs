//! Sessions: begun, found, listed, and seen.

use std::fmt::Write as _;

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::listen;
use crate::rows::Value;
use crate::session::{COLUMNS, Ended, NewSession, Session, is_storable};
use crate::store::Store;

/// The most sessions in a list.
pub const LONGEST_LIST: u32 = 1000;

/// How many sessions one statement marks as seen.
const SEEN_AT_ONCE: usize = 500;

/// Which sessions a list holds: those that match everything given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this issuer.
    pub issuer: Option<String>,
    /// Of this `sub`.
    pub subject: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this sign-in.
    pub sign_in: Option<String>,
    /// Neither ended nor expired at this time.
    pub live_at: Option<i64>,
    /// Seen after this time.
    pub seen_after: Option<i64>,
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What comes after the session of this beginning and id, the last of the page before.
    pub after: Option<(i64, String)>,
    /// The most sessions, up to [`LONGEST_LIST`].
    pub most: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, most: 100 }
    }
}

impl Store {
    /// Begins a session, and ends the one that it replaces: both or neither.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if there is, or was, a session of this id; [`StoreError::Invalid`] if a text is too long.
    pub async fn begin(&self, new: &NewSession, replaces: Option<(&str, &Ended)>) -> Result<(), StoreError> {
        new.check()?;
        self.run("begin", async {
            let mut lent = self.lend().await?;
            let result = insert(lent.connection()?, self.dialect(), new, replaces).await;
            // A conflict says nothing against the connection.
            match result {
                Err(StoreError::Conflict) => lent.done(Ok::<_, StoreError>(Err(StoreError::Conflict)))?,
                other => lent.done(other),
            }
        })
        .await
    }

    /// The session of an id, with its secret.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        self.run("session", async {
            let text =
                format!("SELECT {COLUMNS}, s.secret FROM mfa_session s JOIN mfa_seen n ON n.id = s.id WHERE s.id = $1");
            let mut lent = self.lend().await?;
            let row = sqlx::query(self.dialect().built(&text)).bind(id).fetch_optional(lent.connection()?).await;
            let Some(row) = lent.done(row)? else { return Ok(None) };
            let mut session = Session::from_row(&row)?;
            session.begun.secret = row.try_get(16)?;
            Ok(Some(session))
        })
        .await
    }

    /// Sessions without their secrets, newest first.
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Session>, StoreError> {
        let Some((text, values)) = select(filter, page) else { return Ok(Vec::new()) };
        self.run("list", async {
            let mut query = sqlx::query(self.dialect().built(&text));
            for value in &values {
                query = value.bind(query);
            }
            let mut lent = self.lend().await?;
            let rows = query.fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(Session::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Notes when sessions were last used. A time only moves forward; sessions that aren't there are left out.
    pub async fn seen(&self, seen: &[(String, i64)]) -> Result<(), StoreError> {
        let mut seen: Vec<_> = seen.iter().filter(|(id, _)| is_storable(id)).collect();
        // The last of each: one statement must not name a row twice.
        seen.sort();
        seen.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                *kept = *later;
            }
            same
        });
        for part in seen.chunks(SEEN_AT_ONCE) {
            self.run("seen", async {
                let mut query = sqlx::query(self.dialect().built(&update_seen(part.len()))).persistent(false);
                for (id, at) in part {
                    query = query.bind(id).bind(*at);
                }
                let mut lent = self.lend().await?;
                let result = query.execute(lent.connection()?).await;
                lent.done(result)
            })
            .await?;
        }
        Ok(())
    }
}

async fn insert(
    connection: &mut AnyConnection,
    dialect: Dialect,
    new: &NewSession,
    replaces: Option<(&str, &Ended)>,
) -> Result<(), StoreError> {
    const SESSION: &str = "INSERT INTO mfa_session (id, sign_in, issuer, subject, tenant, user_id, display, sid, created, \
                           expires, mfa, evidence, secret, ended, why, generation, lease_holder, lease_until, changed) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', $14, '', 0, {now}) \
                           ON CONFLICT (id) DO NOTHING";
    const SEEN: &str = "INSERT INTO mfa_seen (id, at, written) VALUES ($1, $2, {now})";
    const REPLACED: &str = "UPDATE mfa_session SET ended = $1, why = $2, secret = CAST('' AS {blob}), evidence = CAST('' AS {blob}), changed = {now} \
                            WHERE id = $3 AND ended = 0";
    let mut transaction = connection.begin().await?;
    let inserted = sqlx::query(dialect.sql(SESSION))
        .bind(&new.id)
        .bind(&new.sign_in)
        .bind(&new.issuer)
        .bind(&new.subject)
        .bind(&new.tenant)
        .bind(&new.user)
        .bind(&new.display)
        .bind(&new.sid)
        .bind(new.created)
        .bind(new.expires)
        .bind(i64::from(new.mfa))
        .bind(&new.evidence)
        .bind(&new.secret)
        .bind(new.generation)
        .execute(&mut *transaction)
        .await?;
    if inserted.rows_affected() == 0 {
        transaction.rollback().await?;
        return Err(StoreError::Conflict);
    }
    sqlx::query(dialect.sql(SEEN)).bind(&new.id).bind(new.created).execute(&mut *transaction).await?;
    if let Some((id, end)) = replaces.filter(|(id, _)| is_storable(id)) {
        let query = sqlx::query(dialect.sql(REPLACED)).bind(end.stored_at()).bind(&end.why).bind(id);
        query.execute(&mut *transaction).await?;
        listen::tell(&mut transaction, dialect).await?;
    }
    Ok(transaction.commit().await?)
}

/// The statement of a list, with its parameters; `None` if nothing can match.
fn select<'a>(filter: &'a Filter, page: &'a Page) -> Option<(String, Vec<Value<'a>>)> {
    let mut values = Vec::new();
    let mut text = format!("SELECT {COLUMNS} FROM mfa_session s JOIN mfa_seen n ON n.id = s.id WHERE 1 = 1");
    let mut and = |condition: &str, value: Value<'a>| {
        values.push(value);
        // Writing to a string can't fail.
        let _ = write!(text, " AND {}", condition.replace('?', &format!("${}", values.len())));
    };
    let texts = [
        ("s.issuer = ?", &filter.issuer),
        ("s.subject = ?", &filter.subject),
        // The index leaves out those that have none.
        ("s.user_id = ? AND s.user_id <> ''", &filter.user),
        ("s.tenant = ?", &filter.tenant),
        ("s.sign_in = ?", &filter.sign_in),
    ];
    for (condition, wanted) in texts {
        if let Some(wanted) = wanted {
            is_storable(wanted).then(|| and(condition, Value::Text(wanted.into())))?;
        }
    }
    if let Some(at) = filter.live_at {
        and("s.ended = 0 AND s.expires > ?", Value::Number(at));
    }
    if let Some(at) = filter.seen_after {
        and("n.at > ?", Value::Number(at));
    }
    if let Some((created, id)) = &page.after {
        is_storable(id).then_some(())?;
        and("(s.created, s.id) < (?", Value::Number(*created));
        values.push(Value::Text(id.into()));
        let _ = write!(text, ", ${})", values.len());
    }
    values.push(Value::Number(page.most.min(LONGEST_LIST).into()));
    let _ = write!(text, " ORDER BY s.created DESC, s.id DESC LIMIT ${}", values.len());
    Some((text, values))
}

/// The statement that marks `count` sessions as seen. Rows are locked in one order: replicas see the same sessions.
fn update_seen(count: usize) -> String {
    let rows = (0..count).map(|at| format!("(CAST(${} AS TEXT), CAST(${} AS BIGINT))", 2 * at + 1, 2 * at + 2));
    let rows = rows.collect::<Vec<_>>().join(", ");
    format!(
        "WITH seen (id, at) AS (VALUES {rows}), \
         later (id) AS (SELECT id FROM mfa_seen WHERE id IN (SELECT id FROM seen) ORDER BY id {{ordered lock}}) \
         UPDATE mfa_seen SET at = seen.at, written = {{now}} FROM seen, later \
         WHERE mfa_seen.id = seen.id AND mfa_seen.id = later.id AND mfa_seen.at < seen.at"
    )
}
