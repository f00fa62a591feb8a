//! Two versions of the gateway on one database, during a roll-out and on the way back.

use std::path::Path;

use mfa_gateway_store::{Flush, Store, Which};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::places::{DEADLINE, LATE, Place, because, open, session, sqlite_settings};
use crate::postgres::{PASSWORD, Postgres};
use crate::report::{NOTHING, tally};

const FIRST: &str = include_str!("../migrations/1_first.sql");
const LATER: &str = "CREATE TABLE mfa_later (id TEXT NOT NULL); ALTER TABLE mfa_tally ADD COLUMN later TEXT";

/// The changes that another version knows, and how it brings the tables up to date.
async fn brought_up_to_date_by(connection: &mut AnyConnection, changes: &[(i64, &str)], words: [&str; 2]) {
    let change = |(version, text): &(i64, &str)| {
        let text = text.replace("{blob}", words[0]).replace("{keyed}", words[1]);
        let name = if *version == 1 { "first" } else { "another" };
        Migration::new(*version, name.into(), MigrationType::Simple, AssertSqlSafe(text).into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(changes.iter().map(change).collect());
    migrator.dangerous_set_table_name("mfa_migrations");
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, connection, false).await.unwrap();
}

/// What a version without the report does with sessions.
async fn works_for_the_version_before(connection: &mut AnyConnection, id: &str) {
    let begin = "INSERT INTO mfa_session (id, sign_in, issuer, subject, tenant, user_id, display, sid, created, expires, \
                 mfa, evidence, secret, ended, why, generation, lease_holder, lease_until, changed) \
                 VALUES ($1, '', '', '', '', '', '', '', 1, $2, 0, CAST('' AS {blob}), CAST('' AS {blob}), 0, '', 0, '', 0, 1)";
    let begin = begin.replace("{blob}", if connection.backend_name() == "SQLite" { "BLOB" } else { "BYTEA" });
    sqlx::query(AssertSqlSafe(begin)).bind(id).bind(LATE).execute(&mut *connection).await.unwrap();
    let seen = "INSERT INTO mfa_seen (id, at, written) VALUES ($1, 1, 1)";
    sqlx::query(seen).bind(id).execute(&mut *connection).await.unwrap();
    let found =
        sqlx::query("SELECT ended FROM mfa_session WHERE id = $1").bind(id).fetch_one(connection).await.unwrap();
    assert_eq!(found.try_get::<i64, _>(0).unwrap(), 0);
}

async fn works_for_this_version(store: &Store, old: &str, sequence: i64) {
    assert!(store.session(old).await.unwrap().is_some());
    let new = format!("new {sequence}");
    store.begin(&session(&new, 1), None).await.unwrap();
    assert_eq!(store.end(Which::Id(old), &because("sign_out", 5)).await.unwrap(), [old]);
    assert!(store.flush(&Flush { sequence, tallies: &[tally(1, "a", 1)], ..NOTHING }).await.unwrap());
    assert_eq!(store.tallies(1, 1).await.unwrap(), [tally(1, "a", sequence)]);
}

async fn rolls_out_and_back(url: &str, words: [&str; 2], open_store: impl AsyncFn() -> Store) {
    sqlx::any::install_default_drivers();
    let connect = async || AnyConnection::connect(url).await.unwrap();
    let mut before = connect().await;
    brought_up_to_date_by(&mut before, &[(1, FIRST)], words).await;
    works_for_the_version_before(&mut before, "a").await;
    let store = open_store().await;
    works_for_this_version(&store, "a", 1).await;
    drop(store);
    // One that runs, and one that starts.
    works_for_the_version_before(&mut before, "b").await;
    brought_up_to_date_by(&mut connect().await, &[(1, FIRST)], words).await;
    works_for_the_version_before(&mut before, "c").await;
    // A later version adds what this one doesn't know.
    brought_up_to_date_by(&mut connect().await, &[(1, FIRST), (99, LATER)], words).await;
    works_for_this_version(&open_store().await, "c", 2).await;
}

#[tokio::test]
async fn sqlite_serves_two_versions_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path(), DEADLINE);
    drop(open(&settings).await);
    let file = folder.path().join("store.sqlite3");
    std::fs::remove_file(&file).unwrap();
    for other in ["store.sqlite3-wal", "store.sqlite3-shm"] {
        let _ = std::fs::remove_file(folder.path().join(other));
    }
    rolls_out_and_back(&sqlite_url(&file), ["BLOB", "WITHOUT ROWID"], async || open(&settings).await).await;
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

#[tokio::test]
async fn postgres_serves_two_versions_at_once() {
    let Some(postgres) = Postgres::start() else { return };
    let mut url: url::Url = postgres.url().parse().unwrap();
    url.query_pairs_mut().append_pair("password", PASSWORD);
    let place = Place::Postgres(postgres);
    rolls_out_and_back(url.as_str(), ["BYTEA", ""], async || place.open().await).await;
}
