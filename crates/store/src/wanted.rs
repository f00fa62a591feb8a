//! Which part of the status report is wanted.

use sqlx::Row as _;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Value};
use crate::store::Store;

/// Which requests are wanted: those that match everything given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'w> {
    /// The first day, in days since 1970 (UTC).
    pub from_day: i64,
    /// The last day.
    pub to_day: i64,
    /// Of this issuer.
    pub issuer: Option<&'w str>,
    /// Of this tenant.
    pub tenant: Option<&'w str>,
    /// Of this application.
    pub application: Option<&'w str>,
    /// Of this route.
    pub route: Option<&'w str>,
    /// Of this user. Sums name none.
    pub user: Option<&'w str>,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        let (issuer, tenant, application, route, user) = (None, None, None, None, None);
        Self { from_day: 0, to_day: i64::MAX, issuer, tenant, application, route, user }
    }
}

impl<'w> Wanted<'w> {
    /// The conditions on these columns, with their parameters.
    pub(crate) fn conditions(&self, columns: &[&str], values: &mut Vec<Value<'w>>) -> Vec<String> {
        let mut conditions = Vec::new();
        for column in columns {
            let wanted = match *column {
                "issuer" => self.issuer,
                "tenant" => self.tenant,
                "application" => self.application,
                "route" => self.route,
                "user_id" => self.user,
                _ => None,
            };
            if let Some(text) = wanted {
                values.push(Value::shortened(text));
                conditions.push(format!("{column} = ${}", values.len()));
            }
        }
        conditions
    }
}

/// Rows that were read as one text: for each value by itself, the driver takes several times as long as the database.
#[derive(Debug)]
pub(crate) struct Joined(Option<String>);

impl Joined {
    /// The parts of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Vec<&str>> {
        self.0.as_deref().into_iter().flat_map(|text| text.split(ROW)).map(|row| row.split(PART).collect())
    }
}

impl Store {
    /// The rows of a statement that joins them.
    pub(crate) async fn joined(
        &self,
        operation: &'static str,
        text: &str,
        values: Vec<Value<'_>>,
    ) -> Result<Joined, StoreError> {
        self.run(operation, async {
            let mut query = sqlx::query(self.dialect().built(text));
            for value in &values {
                query = value.bind(query);
            }
            let mut lent = self.lend().await?;
            let row = query.fetch_one(lent.connection()?).await;
            Ok(Joined(lent.done(row)?.try_get(0)?))
        })
        .await
    }
}
