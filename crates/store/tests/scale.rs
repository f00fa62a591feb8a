//! What a large store costs. Measurements: `cargo nextest run -p mfa-gateway-store --run-ignored only --no-capture scale`.

#![expect(clippy::print_stdout, reason = "a measurement's result")]

use std::time::Instant;

use mfa_gateway_store::{Cursor, NewSession, Store, Which};

use crate::places::{Place, because, session};
use crate::postgres::Postgres;
use crate::suite::read;

const SESSIONS: usize = 100_000;

fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

async fn measure(name: &str, store: &Store) {
    let before = resident_mib();
    let start = Instant::now();
    for number in 0..SESSIONS {
        // As long as they are in practice; a secret holds an ID and a refresh token.
        let begun = NewSession {
            secret: vec![7; 32],
            evidence: vec![7; 200],
            subject: format!("subject {number:030}"),
            user: format!("{number:036}"),
            ..session(&format!("{number:022}"), 1)
        };
        store.begin(&begun, None).await.unwrap();
    }
    println!("{name}: {SESSIONS} begun in {:?}, {} MiB more", start.elapsed(), resident_mib() - before);
    let (start, mut cursor) = (Instant::now(), Cursor::default());
    assert_eq!(read(store, &mut cursor).await.seen.len(), SESSIONS);
    println!("{name}: the first look takes {:?}", start.elapsed());
    let start = Instant::now();
    let seen: Vec<_> = (0..SESSIONS).map(|number| (format!("{number:022}"), 100)).collect();
    store.seen(&seen).await.unwrap();
    println!("{name}: all seen in {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(store.end(Which::All, &because("all", 200)).await.unwrap().len(), SESSIONS);
    println!("{name}: all ended in {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(read(store, &mut cursor).await.ended.len(), SESSIONS);
    println!("{name}: all ends read in {:?}", start.elapsed());
}

#[tokio::test]
#[ignore = "a measurement of a minute"]
async fn the_cost_of_a_hundred_thousand_sessions() {
    measure("memory", &Place::Memory.open().await).await;
    measure("sqlite", &Place::Sqlite(tempfile::tempdir().unwrap()).open().await).await;
    if let Some(postgres) = Postgres::start() {
        measure("postgres", &Place::Postgres(postgres).open().await).await;
    }
}
