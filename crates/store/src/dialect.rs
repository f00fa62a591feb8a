//! The two languages that the store speaks, and the tables in both.
//!
//! One text serves both: `$1` is a parameter for SQLite, too, and what differs stands in braces. No column is ever NULL,
//! no type but text, 64-bit integers and bytes is used: that is what both have in common.

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The changes of the tables. They only add: an older version of the gateway may still be running.
const CHANGES: [(i64, &str, &str); 10] = [
    (1, "first", include_str!("../migrations/1_first.sql")),
    (2, "report", include_str!("../migrations/2_report.sql")),
    (3, "counts", include_str!("../migrations/3_counts.sql")),
    (4, "exceptions", include_str!("../migrations/4_exceptions.sql")),
    (5, "user_kind", include_str!("../migrations/5_user_kind.sql")),
    (6, "consents", include_str!("../migrations/6_consents.sql")),
    (7, "challenges", include_str!("../migrations/7_challenges.sql")),
    (8, "vendors", include_str!("../migrations/8_vendors.sql")),
    (9, "customers", include_str!("../migrations/9_customers.sql")),
    (10, "revocations", include_str!("../migrations/10_revocations.sql")),
];

/// A language of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The statement in this language.
    pub(crate) fn sql(self, text: &'static str) -> SqlStr {
        if text.contains('{') { AssertSqlSafe(self.fill(text)).into_sql_str() } else { text.into_sql_str() }
    }

    /// The same, of a statement that is put together. No part of it may come from outside.
    pub(crate) fn built(self, text: &str) -> SqlStr {
        AssertSqlSafe(self.fill(text)).into_sql_str()
    }

    fn fill(self, text: &str) -> String {
        self.words().iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }

    fn words(self) -> [(&'static str, &'static str); 9] {
        match self {
            Self::Sqlite => [
                ("{blob}", "BLOB"),
                // The database's own clock, in milliseconds.
                ("{now}", "CAST(unixepoch('now', 'subsec') * 1000 AS BIGINT)"),
                ("{ordered lock}", ""),
                ("{free lock}", ""),
                ("{keyed}", "WITHOUT ROWID"),
                ("{joined}", "group_concat"),
                // Without statistics, it takes the primary key for as good as any.
                ("{by application}", "INDEXED BY mfa_tally_application"),
                ("{by route}", "INDEXED BY mfa_tally_route"),
                ("{by user}", "INDEXED BY mfa_user_without"),
            ],
            Self::Postgres => [
                ("{blob}", "BYTEA"),
                // The time of the statement, not of the transaction's begin.
                ("{now}", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"),
                // In one order, so that two replicas don't wait for each other.
                ("{ordered lock}", "FOR UPDATE"),
                ("{free lock}", "FOR UPDATE SKIP LOCKED"),
                ("{keyed}", ""),
                ("{joined}", "string_agg"),
                ("{by application}", ""),
                ("{by route}", ""),
                ("{by user}", ""),
            ],
        }
    }

    /// What brings the tables up to date.
    pub(crate) fn migrator(self) -> Migrator {
        let changes = CHANGES.map(|(version, name, text)| {
            Migration::new(version, name.into(), MigrationType::Simple, self.sql(text), false)
        });
        let mut migrator = Migrator::with_migrations(changes.into());
        migrator.dangerous_set_table_name("mfa_migrations");
        // A newer version may have been here, and be here again.
        migrator.set_ignore_missing(true);
        migrator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_left_in_a_statement() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            for (version, _, text) in CHANGES {
                assert!(!dialect.sql(text).as_str().contains(['{', '}']), "{version} {dialect:?}");
            }
        }
        assert_eq!(Dialect::Sqlite.sql("SELECT 1").as_str(), "SELECT 1");
    }
}
