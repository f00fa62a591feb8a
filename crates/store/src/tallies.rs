//! What the status report counts: requests per day, and who was last seen without MFA.
//!
//! Texts that are longer than a report's row takes come back as their beginning with a hash.

use std::fmt;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::rows::{Rows, Upsert, Value};
use crate::store::Store;

/// How many tallies one statement reads, so that others get their turn.
const AT_ONCE: i64 = 20_000;

/// A number of requests of one day that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tally {
    /// The day, in days since 1970 (UTC).
    pub day: i64,
    /// The kind of credential.
    pub credential: String,
    /// The issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub application: String,
    /// The class of the caller.
    pub class: String,
    /// The route.
    pub route: String,
    /// What became of the requests.
    pub outcome: String,
    /// How many there were.
    pub count: i64,
}

/// A user's last request without MFA.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LastWithout {
    /// The issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant: String,
    /// What names the user in the tenant.
    pub user: String,
    /// The user's name at that time, for people.
    pub name: String,
    /// The application at that time.
    pub application: String,
    /// The route at that time.
    pub route: String,
    /// When it was, in seconds since 1970.
    pub at: i64,
    /// How many requests without MFA there were.
    pub count: i64,
}

impl fmt::Debug for LastWithout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, route, at, count, .. } = self;
        f.debug_struct("LastWithout")
            .field("application", application)
            .field("route", route)
            .field("at", at)
            .field("count", count)
            .finish_non_exhaustive()
    }
}

impl Tally {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_tally (day, issuer, tenant, application, route, class, credential, outcome, count)",
        conflict: "(day, issuer, tenant, application, route, class, credential, outcome) \
                   DO UPDATE SET count = mfa_tally.count + excluded.count",
    };

    /// The rows of tallies, in which alike ones are one.
    pub(crate) fn rows(tallies: &[Self]) -> Rows<'_> {
        let mut rows = Rows::new();
        for tally in tallies {
            let Self { day, credential, issuer, tenant, application, class, route, outcome, count } = tally;
            let mut key = vec![Value::Number(*day)];
            let texts = [issuer, tenant, application, route, class, credential, outcome];
            key.extend(texts.map(|text| Value::shortened(text)));
            let rest = rows.entry(key).or_insert_with(|| vec![Value::Number(0)]);
            if let [Value::Number(sum)] = rest.as_mut_slice() {
                *sum = sum.saturating_add(*count);
            }
        }
        rows
    }

    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            day: row.try_get(0)?,
            issuer: row.try_get(1)?,
            tenant: row.try_get(2)?,
            application: row.try_get(3)?,
            route: row.try_get(4)?,
            class: row.try_get(5)?,
            credential: row.try_get(6)?,
            outcome: row.try_get(7)?,
            count: row.try_get(8)?,
        })
    }
}

impl LastWithout {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_without (issuer, tenant, user_id, name, application, route, at, count)",
        conflict: "(issuer, tenant, user_id) DO UPDATE SET \
                   name = CASE WHEN excluded.at >= mfa_without.at THEN excluded.name ELSE mfa_without.name END, \
                   application = CASE WHEN excluded.at >= mfa_without.at THEN excluded.application \
                   ELSE mfa_without.application END, \
                   route = CASE WHEN excluded.at >= mfa_without.at THEN excluded.route ELSE mfa_without.route END, \
                   at = CASE WHEN excluded.at >= mfa_without.at THEN excluded.at ELSE mfa_without.at END, \
                   count = mfa_without.count + excluded.count",
    };

    /// The rows of users, one for each: the last of its entries, with the sum of the counts.
    pub(crate) fn rows(without: &[Self]) -> Rows<'_> {
        let mut rows = Rows::new();
        for one in without {
            let Self { issuer, tenant, user, name, application, route, at, count } = one;
            let key = [issuer, tenant, user].map(|text| Value::shortened(text)).to_vec();
            let mut rest = [name, application, route].map(|text| Value::shortened(text)).to_vec();
            rest.extend([Value::Number(*at), Value::Number(*count)]);
            rows.entry(key).and_modify(|known| merge(known, &rest)).or_insert(rest);
        }
        rows
    }

    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            issuer: row.try_get(0)?,
            tenant: row.try_get(1)?,
            user: row.try_get(2)?,
            name: row.try_get(3)?,
            application: row.try_get(4)?,
            route: row.try_get(5)?,
            at: row.try_get(6)?,
            count: row.try_get(7)?,
        })
    }
}

/// Adds another entry of the same user: the later one is shown.
fn merge<'a>(known: &mut Vec<Value<'a>>, other: &[Value<'a>]) {
    let ([.., Value::Number(known_at), Value::Number(one)], [.., Value::Number(at), Value::Number(two)]) =
        (known.as_slice(), other)
    else {
        return;
    };
    let (is_later, sum) = (at >= known_at, one.saturating_add(*two));
    if is_later {
        *known = other.to_vec();
    }
    if let Some(count) = known.last_mut() {
        *count = Value::Number(sum);
    }
}

impl Store {
    /// The tallies of these days, both included, in the order of the days.
    pub async fn tallies(&self, from_day: i64, to_day: i64) -> Result<Vec<Tally>, StoreError> {
        let mut all: Vec<Tally> = Vec::new();
        loop {
            let some = self
                .run("tallies", async {
                    let mut lent = self.lend().await?;
                    let result = some_tallies(lent.connection()?, self.dialect(), from_day, to_day, all.last()).await;
                    lent.done(result)
                })
                .await?;
            let is_last = i64::try_from(some.len()).is_ok_and(|count| count < AT_ONCE);
            all.extend(some);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The users who were seen without MFA since this second, at most so many, newest first.
    pub async fn without(&self, since: i64, most: u32) -> Result<Vec<LastWithout>, StoreError> {
        const TEXT: &str = "SELECT issuer, tenant, user_id, name, application, route, at, count FROM mfa_without \
                            WHERE at >= $1 ORDER BY at DESC, issuer, tenant, user_id LIMIT $2";
        self.run("without", async {
            let mut lent = self.lend().await?;
            let rows = sqlx::query(TEXT).bind(since).bind(i64::from(most)).fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(LastWithout::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The tallies of a span of days that come after this one.
async fn some_tallies(
    connection: &mut AnyConnection,
    dialect: Dialect,
    from_day: i64,
    to_day: i64,
    after: Option<&Tally>,
) -> Result<Vec<Tally>, StoreError> {
    const COLUMNS: &str = "day, issuer, tenant, application, route, class, credential, outcome";
    let place =
        if after.is_some() { format!("({COLUMNS}) > ($3, $4, $5, $6, $7, $8, $9, $10)") } else { "day >= $3".into() };
    let text =
        format!("SELECT {COLUMNS}, count FROM mfa_tally WHERE {place} AND day <= $1 ORDER BY {COLUMNS} LIMIT $2");
    let mut query = sqlx::query(dialect.built(&text)).bind(to_day).bind(AT_ONCE);
    query = match after {
        None => query.bind(from_day),
        Some(Tally { day, issuer, tenant, application, route, class, credential, outcome, count: _ }) => {
            let texts = [issuer, tenant, application, route, class, credential, outcome];
            texts.into_iter().fold(query.bind(*day), sqlx::query::Query::bind)
        }
    };
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().map(Tally::from_row).collect::<Result<_, _>>()?)
}
