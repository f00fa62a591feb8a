//! Exceptions, step by step. A step is one transaction: the state moves from the version that was read, and the step is
//! added; of two at once, one finds another version.

use std::fmt::Write;

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::exception::{COLUMNS, Evidence, Exception, NewEvidence, NewException, NewStep, Step};
use crate::listen;
use crate::rows::Value;
use crate::session::is_storable;
use crate::sessions::LONGEST_LIST;
use crate::store::Store;

/// A step from one state to another.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    /// The exception.
    pub id: &'a str,
    /// The version that it is made from.
    pub version: i64,
    /// The state afterwards; absent: as before.
    pub to: Option<&'a str>,
    /// Whether this is the approval, whose time counts.
    pub approves: bool,
    /// The step.
    pub step: &'a NewStep,
    /// Evidence that comes with it.
    pub evidence: Option<&'a NewEvidence>,
}

/// Which exceptions to list: those that match everything given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionFilter {
    /// Those in one of these states; all if empty.
    pub states: Vec<&'static str>,
    /// Those whose end is after this.
    pub ends_after: Option<i64>,
    /// Those whose end has come at this time.
    pub ended_at: Option<i64>,
    /// Those that have begun at this time, their approval included.
    pub begun_at: Option<i64>,
    /// Those that have not.
    pub not_begun_at: Option<i64>,
    /// Those that this user of this tenant asked for.
    pub by: Option<(String, String)>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionPage {
    /// The last one of the part before: when it was requested, and its id.
    pub after: Option<(i64, String)>,
    /// How many.
    pub most: u32,
}

impl Default for ExceptionPage {
    fn default() -> Self {
        Self { after: None, most: 100 }
    }
}

impl Store {
    /// Adds a request for an exception, and returns whether it did: false if its end has passed, by the database's clock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the id is taken. After another one, it may have been added.
    pub async fn request_exception(
        &self,
        new: &NewException,
        step: &NewStep,
        evidence: &[NewEvidence],
    ) -> Result<bool, StoreError> {
        new.check()?;
        step.check()?;
        evidence.iter().try_for_each(NewEvidence::check)?;
        self.run("request_exception", async {
            let mut lent = self.lend().await?;
            let result = add(lent.connection()?, self.dialect(), new, step, evidence).await;
            lent.done(result)
        })
        .await
    }

    /// Makes a step, and returns whether it did: false if the exception has another version by now, or its end has passed
    /// by the database's clock. When it returns, the step is on the disk.
    ///
    /// # Errors
    ///
    /// After one, it may have been made or not. Repeated, it is made once.
    pub async fn move_exception(&self, asked: &Move<'_>) -> Result<bool, StoreError> {
        asked.step.check()?;
        asked.evidence.map_or(Ok(()), NewEvidence::check)?;
        if !is_storable(asked.id) {
            return Ok(false);
        }
        self.run("move_exception", async {
            let mut lent = self.lend().await?;
            let result = make(lent.connection()?, self.dialect(), asked).await;
            lent.done(result)
        })
        .await
    }

    /// An exception with its steps and its evidence.
    pub async fn exception(&self, id: &str) -> Result<Option<(Exception, Vec<Step>, Vec<Evidence>)>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let row = format!("SELECT {COLUMNS} FROM mfa_exception WHERE id = $1");
        let steps = format!("SELECT {} FROM mfa_exception_step WHERE exception = $1 ORDER BY number", Step::COLUMNS);
        let evidence =
            format!("SELECT {} FROM mfa_exception_evidence WHERE exception = $1 ORDER BY number", Evidence::COLUMNS);
        self.run("exception", async {
            let mut lent = self.lend().await?;
            let found = async {
                let connection = lent.connection()?;
                let query = |text: &str| sqlx::query(self.dialect().built(text));
                let Some(row) = query(&row).bind(id).fetch_optional(&mut *connection).await? else { return Ok(None) };
                let steps = query(&steps).bind(id).fetch_all(&mut *connection).await?;
                let evidence = query(&evidence).bind(id).fetch_all(connection).await?;
                let steps = steps.iter().map(Step::from_row).collect::<Result<_, _>>()?;
                let evidence = evidence.iter().map(Evidence::from_row).collect::<Result<_, _>>()?;
                Ok::<_, StoreError>(Some((Exception::from_row(&row)?, steps, evidence)))
            }
            .await;
            lent.done(found)
        })
        .await
    }

    /// A piece of evidence with its content.
    pub async fn evidence(&self, id: &str, number: i64) -> Result<Option<(Evidence, Vec<u8>)>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let text = format!(
            "SELECT {}, bytes FROM mfa_exception_evidence WHERE exception = $1 AND number = $2",
            Evidence::COLUMNS
        );
        self.run("evidence", async {
            let query = sqlx::query(self.dialect().built(&text)).bind(id).bind(number);
            let mut lent = self.lend().await?;
            let row = query.fetch_optional(lent.connection()?).await;
            let Some(row) = lent.done(row)? else { return Ok(None) };
            Ok(Some((Evidence::from_row(&row)?, row.try_get(6)?)))
        })
        .await
    }

    /// Exceptions, newest request first.
    pub async fn exceptions(
        &self,
        filter: &ExceptionFilter,
        page: &ExceptionPage,
    ) -> Result<Vec<Exception>, StoreError> {
        let Some((text, values)) = select(filter, page) else { return Ok(Vec::new()) };
        self.run("exceptions", async {
            let mut query = sqlx::query(self.dialect().built(&text));
            for value in &values {
                query = value.bind(query);
            }
            let mut lent = self.lend().await?;
            let rows = query.fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(Exception::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Makes one step wait for the other, and tells readers that there is something new.
const MARK: &str = "UPDATE mfa_exception_mark SET mark = mark + 1";

async fn add(
    connection: &mut AnyConnection,
    dialect: Dialect,
    new: &NewException,
    step: &NewStep,
    evidence: &[NewEvidence],
) -> Result<bool, StoreError> {
    const TEXT: &str = "INSERT INTO mfa_exception (id, ground, owner, reason, ticket, software, purchase_order, application, \
                        user_id, tenant, issuer, routes, by_issuer, by_tenant, by_user, by_name, starts, ends, state, \
                        version, requested, approved, changed) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), \
                        CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), \
                        CAST($9 AS TEXT), CAST($10 AS TEXT), CAST($11 AS TEXT), CAST($12 AS TEXT), CAST($13 AS TEXT), \
                        CAST($14 AS TEXT), CAST($15 AS TEXT), CAST($16 AS TEXT), CAST($17 AS BIGINT), CAST($18 AS BIGINT), \
                        'requested', 1, {now}, 0, {now} WHERE CAST($18 AS BIGINT) > {now}";
    let mut transaction = connection.begin().await?;
    sqlx::query(dialect.sql(MARK)).execute(&mut *transaction).await?;
    let taken = sqlx::query("SELECT 1 FROM mfa_exception WHERE id = $1").bind(&new.id);
    if taken.fetch_optional(&mut *transaction).await?.is_some() {
        transaction.rollback().await?;
        return Err(StoreError::Conflict);
    }
    let mut query = sqlx::query(dialect.sql(TEXT));
    for text in new.texts().into_iter().chain(step.texts().into_iter().take(4)) {
        query = query.bind(text);
    }
    if query.bind(new.starts).bind(new.ends).execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    add_step(&mut transaction, dialect, &new.id, 1, step).await?;
    for one in evidence {
        add_evidence(&mut transaction, dialect, &new.id, one).await?;
    }
    listen::tell(&mut transaction, dialect).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn make(connection: &mut AnyConnection, dialect: Dialect, asked: &Move<'_>) -> Result<bool, StoreError> {
    let approved = if asked.approves { "{now}" } else { "approved" };
    let state = if asked.to.is_some() { "CAST($3 AS TEXT)" } else { "state" };
    let text = format!(
        "UPDATE mfa_exception SET state = {state}, version = version + 1, changed = {{now}}, approved = {approved} \
         WHERE id = $1 AND version = $2 AND ends > {{now}}"
    );
    let mut transaction = connection.begin().await?;
    sqlx::query(dialect.sql(MARK)).execute(&mut *transaction).await?;
    let mut query = sqlx::query(dialect.built(&text)).bind(asked.id).bind(asked.version);
    if let Some(state) = asked.to {
        query = query.bind(state);
    }
    if query.execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    add_step(&mut transaction, dialect, asked.id, asked.version + 1, asked.step).await?;
    if let Some(evidence) = asked.evidence {
        add_evidence(&mut transaction, dialect, asked.id, evidence).await?;
    }
    listen::tell(&mut transaction, dialect).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn add_step(
    connection: &mut AnyConnection,
    dialect: Dialect,
    id: &str,
    number: i64,
    step: &NewStep,
) -> Result<(), StoreError> {
    const TEXT: &str = "INSERT INTO mfa_exception_step (exception, number, issuer, tenant, user_id, name, shown, what, why, \
                        at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {now})";
    let mut query = sqlx::query(dialect.sql(TEXT)).bind(id).bind(number);
    for text in step.texts() {
        query = query.bind(text);
    }
    query.execute(connection).await?;
    Ok(())
}

async fn add_evidence(
    connection: &mut AnyConnection,
    dialect: Dialect,
    id: &str,
    evidence: &NewEvidence,
) -> Result<(), StoreError> {
    const TEXT: &str = "INSERT INTO mfa_exception_evidence (exception, number, at, kind, name, media_type, size, bytes) \
                        SELECT CAST($1 AS TEXT), COUNT(*) + 1, {now}, CAST($2 AS TEXT), CAST($3 AS TEXT), \
                        CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS {blob}) FROM mfa_exception_evidence \
                        WHERE exception = CAST($1 AS TEXT)";
    let NewEvidence { kind, name, media_type, bytes } = evidence;
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let query = sqlx::query(dialect.sql(TEXT)).bind(id).bind(kind).bind(name).bind(media_type).bind(size).bind(bytes);
    query.execute(connection).await?;
    Ok(())
}

/// The statement of a list, with its parameters; `None` if nothing can match.
fn select<'a>(filter: &'a ExceptionFilter, page: &'a ExceptionPage) -> Option<(String, Vec<Value<'a>>)> {
    let mut values = Vec::new();
    let mut text = format!("SELECT {COLUMNS} FROM mfa_exception WHERE 1 = 1");
    let mut and = |condition: &str, value: Value<'a>| {
        values.push(value);
        // Writing to a string can't fail.
        let _ = write!(text, " AND {}", condition.replace('?', &format!("${}", values.len())));
    };
    let times = [
        ("ends > ?", filter.ends_after),
        ("ends <= ?", filter.ended_at),
        ("starts <= ?", filter.begun_at),
        ("starts > ?", filter.not_begun_at),
    ];
    for (condition, at) in times {
        if let Some(at) = at {
            and(condition, Value::Number(at));
        }
    }
    if let Some((tenant, user)) = &filter.by {
        (is_storable(tenant) && is_storable(user)).then_some(())?;
        and("by_tenant = ?", Value::Text(tenant.into()));
        and("by_user = ? AND by_user <> ''", Value::Text(user.into()));
    }
    if let Some((requested, id)) = &page.after {
        is_storable(id).then_some(())?;
        and("(requested, id) < (?", Value::Number(*requested));
        values.push(Value::Text(id.into()));
        let _ = write!(text, ", ${})", values.len());
    }
    if !filter.states.is_empty() {
        let states = filter.states.iter().map(|state| format!("'{state}'")).collect::<Vec<_>>().join(", ");
        let _ = write!(text, " AND state IN ({states})");
    }
    values.push(Value::Number(page.most.min(LONGEST_LIST).into()));
    let _ = write!(text, " ORDER BY requested DESC, id DESC LIMIT ${}", values.len());
    Some((text, values))
}
