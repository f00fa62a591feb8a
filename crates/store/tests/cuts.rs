//! Flushes to a Postgres whose connections are cut, and by replicas that get into each other's way: every count is exact.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mfa_gateway_store::{Flush, Forgotten, Kind, PostgresSettings, Retention, Store, StoreError, StoreSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::places::{DEADLINE, Place, open, postgres_settings};
use crate::postgres::Postgres;
use crate::report::{DAY, NOTHING, all_recent, all_without, request, tally, without};

/// What [`Proxy`] does: it cuts nothing.
const WHOLE: usize = usize::MAX;

/// What [`Proxy`] does: it passes the next `COMMIT` on, and cuts the connection before the response.
const AFTER_COMMIT: usize = usize::MAX - 1;

/// Stands before a Postgres, and cuts a connection after so many bytes to the server.
struct Proxy {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, left) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(WHOLE)));
        let (mut task, shared) = (JoinSet::new(), Arc::clone(&left));
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(pass(client, to, Arc::clone(&shared)));
            }
        });
        Self { address, left, _task: task }
    }

    fn cut_after(&self, bytes: usize) {
        self.left.store(bytes, Ordering::SeqCst);
    }
}

/// Passes bytes on, until as many as are left have gone to the server.
async fn pass(mut client: TcpStream, to: SocketAddr, left: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect(to).await.unwrap();
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            Ok(count) = client.read(&mut from_client) => {
                let bytes = &from_client[..count];
                let may = left.load(Ordering::SeqCst);
                let is_commit = bytes.windows(6).any(|word| word == b"COMMIT");
                if may < AFTER_COMMIT {
                    left.store(may.saturating_sub(count), Ordering::SeqCst);
                }
                let passed = count.min(may);
                if count == 0 || server.write_all(&bytes[..passed]).await.is_err() || passed < count {
                    return;
                }
                if may == AFTER_COMMIT && is_commit {
                    // It is done once the server says so.
                    let _ = server.read(&mut from_server).await;
                    left.store(WHOLE, Ordering::SeqCst);
                    return;
                }
            }
            Ok(count) = server.read(&mut from_server) => {
                if count == 0 || client.write_all(&from_server[..count]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

async fn behind_a_proxy(postgres: &Postgres) -> (Proxy, Store) {
    let mut settings = postgres_settings(postgres);
    let proxy = Proxy::start(settings.url.socket_addrs(|| None).unwrap()[0]).await;
    settings.url.set_port(Some(proxy.address.port())).unwrap();
    let settings = PostgresSettings { max_connections: 1, ..settings };
    let store = open(&StoreSettings { kind: Kind::Postgres(settings), timeout: DEADLINE }).await;
    store.epoch().await.unwrap();
    (proxy, store)
}

#[tokio::test]
async fn a_flush_whose_connection_is_cut_anywhere_counts_once() {
    let Some(postgres) = Postgres::start() else { return };
    let (proxy, store) = behind_a_proxy(&postgres).await;
    let (mut failures, mut sequence) = (0, 0);
    loop {
        sequence += 1;
        let (tallies, users) = ([tally(1, "a", 1), tally(1, "b", 2)], [without("jane", sequence, 1)]);
        let recent = [request("one", sequence, sequence)];
        let flush = Flush { sequence, tallies: &tallies, users: &users, recent: &recent, ..NOTHING };
        proxy.cut_after(usize::try_from(sequence).unwrap() * 150);
        let result = store.flush(&flush).await;
        proxy.cut_after(WHOLE);
        match result {
            Ok(added) => {
                assert!(added);
                break;
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
        failures += 1;
        store.flush(&flush).await.unwrap();
        assert!(!store.flush(&flush).await.unwrap());
    }
    assert!(failures > 10, "{failures}");
    assert_eq!(store.tallies(1, 1).await.unwrap(), [tally(1, "a", sequence), tally(1, "b", 2 * sequence)]);
    assert_eq!(all_without(&store).await, [without("jane", sequence, sequence)]);
    assert_eq!(all_recent(&store).await.len(), usize::try_from(sequence).unwrap());
}

#[tokio::test]
async fn a_flush_whose_commit_is_not_heard_of_counts_once() {
    let Some(postgres) = Postgres::start() else { return };
    let (proxy, store) = behind_a_proxy(&postgres).await;
    for sequence in 1..6 {
        let flush = Flush { sequence, tallies: &[tally(1, "a", 1)], ..NOTHING };
        proxy.cut_after(AFTER_COMMIT);
        assert!(matches!(store.flush(&flush).await, Err(StoreError::Unavailable(_))));
        assert!(!store.flush(&flush).await.unwrap(), "it was added, and isn't again");
    }
    assert_eq!(store.tallies(1, 1).await.unwrap(), [tally(1, "a", 5)]);
}

#[tokio::test]
async fn a_repetition_beside_its_original_counts_once() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let store = place.open().await;
    store.epoch().await.unwrap();
    for sequence in 1..30 {
        let mut twins = JoinSet::new();
        for _ in 0..3 {
            let store = store.clone();
            twins.spawn(async move {
                let recent: Vec<_> = (0..20).map(|number| request("one", number, sequence)).collect();
                let flush = Flush { sequence, tallies: &[tally(1, "a", 1)], recent: &recent, ..NOTHING };
                store.flush(&flush).await.unwrap()
            });
        }
        assert_eq!(twins.join_all().await.into_iter().filter(|added| *added).count(), 1);
    }
    assert_eq!(store.tallies(1, 1).await.unwrap(), [tally(1, "a", 29)]);
}

#[tokio::test]
async fn replicas_that_flush_forget_and_erase_at_once_do_not_block_each_other() {
    const ROUNDS: i64 = 10;
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, place.open().await);
    one.epoch().await.unwrap();
    let mut writers = JoinSet::new();
    for (writer, store) in [&one, &two, &one, &two].into_iter().enumerate() {
        let store = store.clone();
        writers.spawn(async move {
            let replica = writer.to_string();
            for sequence in 0..ROUNDS {
                let mut tallies: Vec<_> = (0..800).map(|row| tally(row % 7, &row.to_string(), 1)).collect();
                // Some are forgotten while others are counted.
                let at = |row: i64| (row * 7 + sequence * 37) % 100 * DAY + 1;
                let mut users: Vec<_> = (0..800).map(|row| without(&row.to_string(), at(row), 1)).collect();
                let recent: Vec<_> = (0..100).map(|row| request(&replica, sequence * 100 + row, sequence)).collect();
                tallies.rotate_left(writer * 190);
                users.rotate_left(writer * 190);
                let flush = Flush {
                    replica: &replica,
                    sequence,
                    tallies: &tallies,
                    users: &users,
                    customers: &[],
                    recent: &recent,
                };
                assert!(store.flush(&flush).await.unwrap());
                let retention = Retention { users_before_day: 90, recent_most: 150, ..Retention::default() };
                store.forget(&retention).await.unwrap();
                store.erase("https://issuer.example", "contoso", "jane").await.unwrap();
            }
        });
    }
    // A deadlock is broken by an error, after a second.
    tokio::time::timeout(Duration::from_secs(60), writers.join_all()).await.unwrap();
    let tallies = one.tallies(0, 6).await.unwrap();
    assert_eq!((tallies.len(), tallies.iter().map(|one| one.count).sum::<i64>()), (800, 800 * 4 * ROUNDS));
    assert!(all_recent(&two).await.is_empty());
}

#[tokio::test]
async fn a_row_that_another_replica_holds_is_forgotten_later_and_a_replica_after_a_week() {
    let Some(postgres) = Postgres::start() else { return };
    let store = open(&StoreSettings { kind: Kind::Postgres(postgres_settings(&postgres)), timeout: DEADLINE }).await;
    let (tallies, users) = ([tally(1, "a", 1), tally(1, "b", 1)], [without("jane", 1, 1), without("john", 1, 1)]);
    let recent: Vec<_> = (0..4).map(|number| request("one", number, number / 2)).collect();
    store.flush(&Flush { tallies: &tallies, users: &users, recent: &recent, ..NOTHING }).await.unwrap();
    let holder = std::thread::spawn(move || {
        postgres.sql(
            "BEGIN; SELECT 1 FROM mfa_tally WHERE span = 1 AND application = 'a' FOR UPDATE; \
             SELECT 1 FROM mfa_user WHERE user_id = 'jane' FOR UPDATE; \
             SELECT 1 FROM mfa_recent WHERE number IN (0, 2) FOR UPDATE; SELECT pg_sleep(3); COMMIT;",
        );
        postgres
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let retention = Retention { tallies_before_day: 2, users_before_day: 1, recent_before_ms: 1, recent_most: 0 };
    let forgotten = store.forget(&retention).await.unwrap();
    assert_eq!(forgotten, Forgotten { tallies: 2, users: 1, recent: 2, more: false });
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    let postgres = holder.join().unwrap();
    let forgotten = store.forget(&retention).await.unwrap();
    assert_eq!(forgotten, Forgotten { tallies: 1, users: 1, recent: 2, more: false });
    // A replica is forgotten a week after its last flush.
    let replicas = || postgres.sql("SELECT count(*) FROM mfa_flush");
    assert_eq!(replicas(), "1");
    postgres.sql("UPDATE mfa_flush SET at = at - 8 * 86400000::bigint");
    store.forget(&Retention::default()).await.unwrap();
    assert_eq!(replicas(), "0");
}
