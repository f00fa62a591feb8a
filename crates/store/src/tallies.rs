//! What the status report counts: requests per day, and who was last seen without MFA.
//!
//! Texts that are longer than a report's row takes come back as their beginning with a hash.

use std::fmt;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Rows, Upsert, Value};
use crate::store::Store;

/// How many days one statement reads, so that others get their turn.
const AT_ONCE: u8 = 31;

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

    /// Reads a day's tallies from their text.
    fn of_day(day: i64, text: &str) -> impl Iterator<Item = Result<Self, StoreError>> {
        let one = move |row: &str| {
            let mut parts = row.split(PART);
            let mut next = || parts.next().map(str::to_owned);
            Some(Self {
                day,
                issuer: next()?,
                tenant: next()?,
                application: next()?,
                route: next()?,
                class: next()?,
                credential: next()?,
                outcome: next()?,
                count: next()?.parse().ok()?,
            })
        };
        let corrupt = || StoreError::Corrupt("a tally has another form".to_owned());
        text.split(ROW).map(move |row| one(row).ok_or_else(corrupt))
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
        // A day as one text: for each value by itself, the driver takes several times as long as the database.
        let text = format!(
            "SELECT day, {{joined}}(concat_ws('{PART}', issuer, tenant, application, route, class, credential, outcome, \
             count), '{ROW}') FROM mfa_tally WHERE day >= $1 AND day <= $2 GROUP BY day ORDER BY day LIMIT $3"
        );
        let (mut all, mut from) = (Vec::new(), Some(from_day));
        while let Some(first) = from {
            let rows = self
                .run("tallies", async {
                    let query = sqlx::query(self.dialect().built(&text)).bind(first).bind(to_day);
                    let mut lent = self.lend().await?;
                    let rows = query.bind(i64::from(AT_ONCE)).fetch_all(lent.connection()?).await;
                    lent.done(rows)
                })
                .await?;
            from = None;
            for row in &rows {
                let (day, text): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
                for tally in Tally::of_day(day, &text) {
                    all.push(tally?);
                }
                from = day.checked_add(1).filter(|_| rows.len() >= usize::from(AT_ONCE));
            }
        }
        Ok(all)
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
