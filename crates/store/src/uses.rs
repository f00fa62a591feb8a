//! How often exceptions let requests pass, from the counts of the report.

use std::collections::HashMap;

use sqlx::Row as _;

use crate::error::StoreError;
use crate::rows::shortened;
use crate::store::Store;

/// How many exceptions one statement asks about.
const AT_ONCE: usize = 500;

/// The use of an exception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// How many requests it let pass, as long as the report keeps counts.
    pub count: i64,
    /// The day of the last one, since 1970.
    pub last: i64,
}

impl Store {
    /// The uses of these exceptions, by their ids. Those that were never used are left out.
    pub async fn uses(&self, ids: &[&str]) -> Result<HashMap<String, Uses>, StoreError> {
        let mut all = HashMap::new();
        for part in ids.chunks(AT_ONCE) {
            let parameters = (1..=part.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
            // The index leaves out those without an exception.
            let text = format!(
                "SELECT exception, CAST(SUM(count) AS BIGINT), MAX(day) FROM mfa_tally \
                 WHERE span = 1 AND exception <> '' AND exception IN ({parameters}) GROUP BY exception"
            );
            let stored: HashMap<_, _> = part.iter().map(|id| (shortened(id), *id)).collect();
            let rows = self
                .run("uses", async {
                    let mut query = sqlx::query(self.dialect().built(&text)).persistent(false);
                    for id in part {
                        query = query.bind(shortened(id).into_owned());
                    }
                    let mut lent = self.lend().await?;
                    let rows = query.fetch_all(lent.connection()?).await;
                    lent.done(rows)
                })
                .await?;
            for row in &rows {
                let id: String = row.try_get(0)?;
                if let Some(id) = stored.get(id.as_str()) {
                    all.insert((*id).to_owned(), Uses { count: row.try_get(1)?, last: row.try_get(2)? });
                }
            }
        }
        Ok(all)
    }
}
