//! What holds of every store's revocations.

use std::time::{Duration, Instant};

use mfa_gateway_store::{Once, RevocationsSeen, RevokedSubject, Store};

use crate::places::{DEADLINE, LATE, Place};
use crate::postgres::Postgres;

on_every_store!(
    what_is_revoked_becomes_stricter_and_never_less,
    an_event_counts_once_and_revokes_with_its_first_use_alone,
    a_reader_learns_of_every_revocation_in_parts,
    a_revocation_is_removed_after_its_time,
);

const NONE: i64 = i64::MIN;

fn of(subject: &str, issued: i64, signed_in: i64, until: i64) -> RevokedSubject {
    RevokedSubject { subject: subject.to_owned(), issued, signed_in, until }
}

fn by(key: &str) -> Once<'_> {
    Once { kind: "event", key, until: LATE }
}

async fn read(store: &Store, seen: &mut RevocationsSeen) -> Vec<RevokedSubject> {
    let mut all = Vec::new();
    loop {
        let (some, more) = store.revocations(seen).await.unwrap();
        all.extend(some);
        if !more {
            return all;
        }
    }
}

async fn what_is_revoked_becomes_stricter_and_never_less(store: &Store) {
    let mut seen = RevocationsSeen::default();
    assert_eq!(read(store, &mut seen).await, []);
    assert!(store.revoke(by("1"), &[of("jane", 500, NONE, LATE)]).await.unwrap());
    assert_eq!(read(store, &mut seen).await, [of("jane", 500, NONE, LATE)]);
    assert!(store.revoke(by("2"), &[of("jane", 400, 300, LATE + 1)]).await.unwrap());
    assert_eq!(read(store, &mut seen).await, [of("jane", 500, 300, LATE + 1)]);
    assert!(store.revoke(by("3"), &[of("jane", 501, 200, LATE)]).await.unwrap());
    assert_eq!(read(store, &mut RevocationsSeen::default()).await, [of("jane", 501, 300, LATE + 1)]);
}

async fn an_event_counts_once_and_revokes_with_its_first_use_alone(store: &Store) {
    assert!(!store.was_used("event", "1").await.unwrap());
    assert!(store.revoke(by("1"), &[of("jane", 500, NONE, LATE)]).await.unwrap());
    assert!(store.was_used("event", "1").await.unwrap());
    assert!(!store.was_used("another", "1").await.unwrap());
    assert!(!store.revoke(by("1"), &[of("john", 500, NONE, LATE)]).await.unwrap());
    assert_eq!(read(store, &mut RevocationsSeen::default()).await.len(), 1);
    assert!(store.revoke(by("2"), &[]).await.unwrap(), "of an event that revokes nothing");
    assert!(!store.revoke(by("2"), &[]).await.unwrap());
    assert!(store.revoke(by("3"), &[of("j\0", 1, 1, 1)]).await.is_err());
}

async fn a_reader_learns_of_every_revocation_in_parts(store: &Store) {
    let subjects: Vec<_> = (0..6000).map(|number| of(&format!("{number:05}"), number, NONE, LATE)).collect();
    for (number, some) in subjects.chunks(500).enumerate() {
        assert!(store.revoke(by(&number.to_string()), some).await.unwrap());
    }
    let mut seen = RevocationsSeen::default();
    let mut all = read(store, &mut seen).await;
    all.sort_by(|one, other| one.subject.cmp(&other.subject));
    all.dedup();
    assert_eq!(all, subjects);
    store.revoke(by("later"), &[of("later", 1, NONE, LATE)]).await.unwrap();
    assert!(read(store, &mut seen).await.contains(&of("later", 1, NONE, LATE)));
}

async fn a_revocation_is_removed_after_its_time(store: &Store) {
    let both = [of("early", 1, NONE, 1000), of("late", 1, NONE, LATE)];
    assert!(store.revoke(by("1"), &both).await.unwrap());
    assert_eq!(store.purge(1300).await.unwrap().revoked, 0);
    assert_eq!(store.purge(1301).await.unwrap().revoked, 1);
    assert_eq!(read(store, &mut RevocationsSeen::default()).await, [of("late", 1, NONE, LATE)]);
}

#[tokio::test]
async fn a_revocation_on_one_replica_is_known_on_the_other_within_a_second() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    let mut seen = RevocationsSeen::default();
    assert_eq!(read(&two, &mut seen).await, []);
    // Its ear says once that it listens.
    tokio::time::timeout(DEADLINE, two.revocations_woken()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), two.revocations_woken()).await.is_err());
    let start = Instant::now();
    assert!(one.revoke(by("1"), &[of("jane", 1, NONE, LATE)]).await.unwrap());
    tokio::time::timeout(DEADLINE, two.revocations_woken()).await.unwrap();
    assert_eq!(read(&two, &mut seen).await, [of("jane", 1, NONE, LATE)]);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!two.revoke(by("1"), &[of("john", 1, NONE, LATE)]).await.unwrap(), "an event counts once on all");
}

#[tokio::test]
async fn two_replicas_that_revoke_the_same_subjects_at_once_wait_for_each_other_in_one_order() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20_i64 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        tasks.spawn(async move {
            let mut subjects: Vec<_> = (0..50).map(|at| of(&format!("{at:02}"), number, NONE, LATE)).collect();
            if number % 3 == 0 {
                subjects.reverse();
            }
            store.revoke(by(&number.to_string()), &subjects).await.unwrap()
        });
    }
    assert!(tasks.join_all().await.into_iter().all(|first| first));
    let all = read(&two, &mut RevocationsSeen::default()).await;
    assert!(all.len() == 50 && all.iter().all(|one| one.issued == 19), "{all:?}");
}
