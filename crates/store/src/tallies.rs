//! What the status report counts: requests per day, and per so many days.
//!
//! Texts that are longer than a report's row takes come back as their beginning with a hash.

use sqlx::Row as _;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Rows, Upsert, Value};
use crate::store::Store;

/// How many days one statement reads, so that others get their turn.
const AT_ONCE: u8 = 31;

/// The numbers of days that have rows, each a multiple of the one before.
pub(crate) const SPANS: [i64; 3] = [1, 8, 64];

/// The span of a day's rows that tell neither applications, routes nor exceptions apart.
pub(crate) const WHOLE_DAY: i64 = 0;

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
    /// The route.
    pub route: String,
    /// What became of the requests.
    pub outcome: String,
    /// The exception that let them pass; empty if none did.
    pub exception: String,
    /// How many there were.
    pub count: i64,
}

impl Tally {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_tally (span, day, issuer, tenant, application, route, credential, outcome, exception, count)",
        conflict: "(span, day, issuer, tenant, application, route, credential, outcome, exception) \
                   DO UPDATE SET count = mfa_tally.count + excluded.count",
    };

    /// The rows of tallies, in which alike ones are one.
    pub(crate) fn rows(tallies: &[Self]) -> Rows<'_> {
        let mut rows = Rows::new();
        for tally in tallies {
            let Self { day, credential, issuer, tenant, application, route, outcome, exception, count } = tally;
            for span in [WHOLE_DAY].into_iter().chain(SPANS) {
                let parts = if span == WHOLE_DAY { [""; 3] } else { [application.as_str(), route, exception] };
                let [application, route, exception] = parts;
                let mut key = vec![Value::Number(span), Value::Number(first_day(*day, span))];
                let texts = [issuer.as_str(), tenant, application, route, credential, outcome, exception];
                key.extend(texts.map(Value::shortened));
                let rest = rows.entry(key).or_insert_with(|| vec![Value::Number(0)]);
                if let [Value::Number(sum)] = rest.as_mut_slice() {
                    *sum = sum.saturating_add(*count);
                }
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
                credential: next()?,
                outcome: next()?,
                exception: next()?,
                count: next()?.parse().ok()?,
            })
        };
        text.split(ROW).map(move |row| one(row).ok_or_else(corrupt))
    }
}

/// What is wrong with a row that can't be read.
pub(crate) fn corrupt() -> StoreError {
    StoreError::Corrupt("a count has another form".to_owned())
}

/// The first day of the span that a day belongs to.
pub(crate) fn first_day(day: i64, span: i64) -> i64 {
    let span = span.max(1);
    day.div_euclid(span).saturating_mul(span)
}

impl Store {
    /// The tallies of these days, both included, in the order of the days.
    pub async fn tallies(&self, from_day: i64, to_day: i64) -> Result<Vec<Tally>, StoreError> {
        // A day as one text: for each value by itself, the driver takes several times as long as the database.
        let text = format!(
            "SELECT day, {{joined}}(concat_ws('{PART}', issuer, tenant, application, route, credential, outcome, \
             exception, count), '{ROW}') FROM mfa_tally WHERE span = 1 AND day >= $1 AND day <= $2 \
             GROUP BY day ORDER BY day LIMIT $3"
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
}
