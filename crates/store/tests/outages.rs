//! A Postgres that is killed, stopped, full, locked or closed: each operation ends in time, and all works again by itself.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mfa_gateway_store::{
    Cursor, Filter, Kind, Lease, Page, PostgresSettings, Renewal, Retention, Store, StoreError, StoreSettings, Which,
};

use crate::places::{LATE, SHORT, because, open, postgres_settings, session};
use crate::postgres::{PASSWORD, Postgres};
use crate::report::NOTHING;
use crate::suite::read;

/// What the gateway sees of an end at the deadline: some time to notice it.
const PROMPT: Duration = Duration::from_millis(3000);

fn settings(postgres: PostgresSettings) -> StoreSettings {
    StoreSettings { kind: Kind::Postgres(postgres), timeout: SHORT }
}

/// An open store that has made its tables, for which a busy machine may take longer than the deadline.
async fn working(postgres: &Postgres) -> Store {
    let store = open(&settings(postgres_settings(postgres))).await;
    works_again(&store, Duration::from_secs(30)).await;
    store
}

/// Every operation, and how it fails.
async fn failures(store: &Store) -> Vec<StoreError> {
    let mut all = Vec::new();
    let mut start = Instant::now();
    let mut note = |result: Result<(), StoreError>| {
        assert!(start.elapsed() < PROMPT, "{:?}: {result:?}", start.elapsed());
        start = Instant::now();
        all.push(result.expect_err("it fails"));
    };
    let end = because("sign_out", 5);
    note(store.begin(&session("new", 1), Some(("a", &end))).await);
    note(store.session("a").await.map(drop));
    note(store.list(&Filter::default(), &Page::default()).await.map(drop));
    note(store.end(Which::Id("a"), &end).await.map(drop));
    note(store.seen(&[("a".to_owned(), 1)]).await);
    note(store.changes(&mut Cursor::default()).await.map(drop));
    note(store.use_once("jti", "a", LATE).await.map(drop));
    note(store.lease("a", "one", 0, SHORT).await.map(drop));
    note(store.renew(&Renewal { id: "a", generation: 0, secret: b"", evidence: b"", mfa: true }).await.map(drop));
    note(store.purge(1).await.map(drop));
    note(store.flush(&NOTHING).await.map(drop));
    note(store.tallies(0, 1).await.map(drop));
    note(store.forget(&Retention::default()).await.map(drop));
    note(store.erase("issuer", "tenant", "user").await.map(drop));
    all
}

/// Waits until the store works again.
async fn works_again(store: &Store, within: Duration) {
    let end = Instant::now() + within;
    while let Err(error) = store.session("a").await {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.health().last_error, None);
}

fn all_unavailable(errors: &[StoreError]) {
    for error in errors {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(!error.to_string().contains(PASSWORD) && !error.to_string().contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn a_killed_database_fails_at_once_and_ends_stay_when_it_is_back() {
    // With the disk's own certainty, as outside of tests.
    let Some(mut postgres) = Postgres::start_with(&["fsync=on"]) else { return };
    let store = working(&postgres).await;
    let mut cursor = Cursor::default();
    for id in ["a", "b"] {
        store.begin(&session(id, 1), None).await.unwrap();
    }
    read(&store, &mut cursor).await;
    store.end(Which::Id("b"), &because("sign_out", 5)).await.unwrap();
    postgres.kill();
    let start = Instant::now();
    all_unavailable(&failures(&store).await);
    assert!(start.elapsed() < PROMPT, "nobody waits for a port that refuses: {:?}", start.elapsed());
    assert!(store.changes(&mut cursor).await.is_err());
    assert!(matches!(store.health().last_error, Some(StoreError::Unavailable(_))));
    assert!(store.health().since_last_success > Duration::ZERO);
    postgres.restart();
    works_again(&store, Duration::from_secs(10)).await;
    assert!(store.session("b").await.unwrap().unwrap().ended.is_some());
    assert!(read(&store, &mut cursor).await.ended.contains(&("b".to_owned(), LATE)));
    // The ear, too.
    tokio::time::timeout(Duration::from_secs(10), store.woken()).await.unwrap();
    while tokio::time::timeout(Duration::from_millis(100), store.woken()).await.is_ok() {}
    store.end(Which::Id("a"), &because("sign_out", 5)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), store.woken()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_hangs_costs_each_operation_its_deadline_and_no_more() {
    let Some(postgres) = Postgres::start() else { return };
    let store = working(&postgres).await;
    store.begin(&session("a", 1), None).await.unwrap();
    postgres.pause();
    all_unavailable(&failures(&store).await);
    // More than there are connections: none waits for another's deadline first.
    let start = Instant::now();
    let mut many = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        many.spawn(async move { store.session("a").await.is_err() });
    }
    assert!(many.join_all().await.into_iter().all(|failed| failed));
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    postgres.resume();
    works_again(&store, Duration::from_secs(10)).await;
    assert!(store.session("a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_opens_without_its_database_and_works_once_it_is_there() {
    let Some(mut postgres) = Postgres::start() else { return };
    let settings = settings(postgres_settings(&postgres));
    postgres.kill();
    let store = open(&settings).await;
    all_unavailable(&failures(&store).await);
    assert!(store.epoch().await.is_err());
    postgres.restart();
    works_again(&store, Duration::from_secs(10)).await;
    store.begin(&session("a", 1), None).await.unwrap();
    store.epoch().await.unwrap();
}

#[tokio::test]
async fn a_table_that_is_locked_a_connection_that_is_cut_and_a_database_that_only_reads_are_errors() {
    let Some(postgres) = Postgres::start() else { return };
    let store = working(&postgres).await;
    store.begin(&session("a", 1), None).await.unwrap();
    let postgres = Arc::new(postgres);
    let server = Arc::clone(&postgres);
    let locks = "BEGIN; LOCK TABLE mfa_session, mfa_seen, mfa_used; SELECT pg_sleep(5); COMMIT;";
    let locked = std::thread::spawn(move || server.sql(locks));
    tokio::time::sleep(Duration::from_millis(500)).await;
    all_unavailable(&[store.session("a").await.unwrap_err(), store.purge(1).await.unwrap_err()]);
    works_again(&store, Duration::from_secs(10)).await;
    locked.join().unwrap();

    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'mfa-gateway'";
    assert_ne!(postgres.sql(cut), "0");
    works_again(&store, Duration::from_secs(10)).await;

    postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    postgres.sql("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = store.begin(&session("b", 1), None).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert!(store.session("a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_reading_goes_on() {
    let Some(postgres) = Postgres::start() else { return };
    let store = working(&postgres).await;
    store.begin(&session("a", 1), None).await.unwrap();
    // What Postgres itself says when a table can't grow.
    postgres.sql(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file \
         \"base/5/hunter2\"' USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON mfa_session FOR EACH STATEMENT EXECUTE FUNCTION no_room();",
    );
    let error = store.begin(&session("b", 1), None).await.unwrap_err();
    assert_eq!(error.kind(), "full");
    assert!(!error.to_string().contains("hunter2"));
    assert_eq!(store.end(Which::Id("a"), &because("sign_out", 5)).await.unwrap_err().kind(), "full");
    assert_eq!(store.lease("a", "one", 0, SHORT).await.unwrap_err().kind(), "full");
    assert!(store.session("a").await.unwrap().unwrap().ended.is_none());
    postgres.sql("DROP TRIGGER no_room ON mfa_session");
    store.end(Which::Id("a"), &because("sign_out", 5)).await.unwrap();
    assert_eq!(store.lease("a", "one", 0, SHORT).await.unwrap(), Lease::Ended);
    postgres.sql("DROP TABLE mfa_used");
    assert_eq!(store.use_once("jti", "a", LATE).await.unwrap_err().kind(), "corrupt");
}

#[tokio::test]
async fn a_new_password_is_taken_from_its_file_and_a_wrong_one_is_said_but_not_shown() {
    let Some(postgres) = Postgres::start() else { return };
    let store = working(&postgres).await;
    store.begin(&session("a", 1), None).await.unwrap();
    postgres.sql("ALTER USER gateway PASSWORD 'second'");
    postgres.sql_as(
        "second",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'mfa-gateway'",
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _ = store.session("a").await;
    let error = store.session("a").await.unwrap_err();
    assert!(error.to_string().contains("refuses the user or the password"), "{error}");
    all_unavailable(&[error]);
    fs::write(postgres.password_file(), "second\n").unwrap();
    works_again(&store, Duration::from_secs(10)).await;

    for wrong in
        ["postgres://nobody@127.0.0.1:1/db", "postgres://u@localhost:1/db?sslmode=verify-full&sslrootcert=/absent"]
    {
        let settings = PostgresSettings { url: wrong.parse().unwrap(), ..postgres_settings(&postgres) };
        let store = open(&StoreSettings { kind: Kind::Postgres(settings), timeout: SHORT }).await;
        all_unavailable(&[store.session("a").await.unwrap_err()]);
    }
}
