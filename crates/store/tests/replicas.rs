//! Several gateways on one Postgres.

use std::time::{Duration, Instant};

use mfa_gateway_store::{Cursor, Lease, PostgresSettings, Renewal, Which};

use crate::places::{DEADLINE, LATE, Place, because, open, postgres_settings, session};
use crate::postgres::Postgres;
use crate::suite::read;

#[tokio::test]
async fn an_end_on_one_replica_is_known_on_the_other_within_a_second() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    let mut cursor = Cursor::default();
    one.begin(&session("a", 1), None).await.unwrap();
    one.begin(&session("b", 1), None).await.unwrap();
    read(&two, &mut cursor).await;
    // Its ear says once that it listens.
    tokio::time::timeout(DEADLINE, two.woken()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), two.woken()).await.is_err(), "nothing happened");

    let start = Instant::now();
    let first = tokio::spawn({
        let one = one.clone();
        async move { one.end(Which::Id("a"), &because("sign_out", 5)).await }
    });
    tokio::time::timeout(DEADLINE, two.woken()).await.unwrap();
    assert!(read(&two, &mut cursor).await.ended.contains(&("a".to_owned(), LATE)));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    first.await.unwrap().unwrap();

    let new = Renewal { id: "b", generation: 0, secret: b"new", evidence: b"less", mfa: false };
    assert!(one.renew(&new).await.unwrap());
    tokio::time::timeout(DEADLINE, two.woken()).await.unwrap();
    assert!(read(&two, &mut cursor).await.renewed.contains(&("b".to_owned(), 1)));
    // An end that is said while nobody waits is kept.
    one.begin(&session("c", 9), Some(("b", &because("replaced", 9)))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    tokio::time::timeout(Duration::from_millis(50), two.woken()).await.unwrap();
}

#[tokio::test]
async fn what_counts_once_counts_once_on_all_replicas() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    assert_eq!(one.epoch().await.unwrap(), two.epoch().await.unwrap());
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        attempts.spawn(async move { store.use_once("state", "the same", LATE).await.unwrap() });
    }
    assert_eq!(attempts.join_all().await.into_iter().filter(|first| *first).count(), 1);

    one.begin(&session("a", 1), None).await.unwrap();
    let mut leases = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        leases.spawn(async move {
            store.lease("a", &number.to_string(), 0, Duration::from_secs(60)).await.unwrap() == Lease::Granted
        });
    }
    assert_eq!(leases.join_all().await.into_iter().filter(|granted| *granted).count(), 1);

    let mut renewals = tokio::task::JoinSet::new();
    for number in 0..20_u8 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        renewals.spawn(async move {
            let new = Renewal { id: "a", generation: 0, secret: &[number], evidence: b"", mfa: true };
            store.renew(&new).await.unwrap()
        });
    }
    assert_eq!(renewals.join_all().await.into_iter().filter(|renewed| *renewed).count(), 1);
    assert_eq!(two.session("a").await.unwrap().unwrap().generation, 1);
}

#[tokio::test]
async fn replicas_that_write_the_same_rows_do_not_block_each_other() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    for number in 0..300 {
        one.begin(&session(&format!("{number:03}"), 1), None).await.unwrap();
    }
    let mut writers = tokio::task::JoinSet::new();
    for (writer, store) in [&one, &two, &one, &two].into_iter().enumerate() {
        let store = store.clone();
        writers.spawn(async move {
            for round in 0..10 {
                let at = i64::try_from(round * 4 + writer).unwrap() + 10;
                let mut seen: Vec<_> = (0..300).map(|number| (format!("{number:03}"), at)).collect();
                seen.rotate_left(writer * 70);
                store.seen(&seen).await.unwrap();
                let subject = Which::Subject { issuer: "https://issuer.example", subject: "jane" };
                if round == 5 {
                    store.end(subject, &because("sign_out", at)).await.unwrap();
                }
                store.purge(at).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(one.session("123").await.unwrap().unwrap().last_seen, 49);
}

#[tokio::test]
async fn a_schema_of_its_own_keeps_two_gateways_apart() {
    let Some(postgres) = Postgres::start() else { return };
    postgres.sql("CREATE SCHEMA one; CREATE SCHEMA two;");
    let in_schema = |schema: &str| {
        let settings = PostgresSettings { schema: Some(schema.to_owned()), ..postgres_settings(&postgres) };
        mfa_gateway_store::StoreSettings { kind: mfa_gateway_store::Kind::Postgres(settings), timeout: DEADLINE }
    };
    let (one, two) = (open(&in_schema("one")).await, open(&in_schema("two")).await);
    one.begin(&session("a", 1), None).await.unwrap();
    assert_eq!(two.session("a").await.unwrap(), None);
    assert_ne!(one.epoch().await.unwrap(), two.epoch().await.unwrap());
    assert_eq!(postgres.sql("SELECT count(*) FROM one.mfa_session"), "1");
    let missing = open(&in_schema("three")).await.session("a").await.unwrap_err();
    assert!(missing.to_string().contains("no schema"), "{missing}");
}
