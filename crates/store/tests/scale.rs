//! What a large store costs. Measurements: `cargo nextest run -p mfa-gateway-store --run-ignored only --no-capture scale`.

#![expect(clippy::print_stdout, reason = "a measurement's result")]

use std::time::Instant;

use mfa_gateway_store::{Cursor, Flush, LastWithout, NewSession, RecentRequest, Retention, Store, Tally, Which};

use crate::places::{Place, because, session};
use crate::postgres::Postgres;
use crate::report::{NOTHING, request, tally, without};
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

const APPLICATIONS: i64 = 500;
const PEOPLE: i64 = 10_000;
const DAYS: i64 = 365;

/// One day of a year, of 100,000 tallies: each application on a few of its routes.
fn day(day: i64) -> Vec<Tally> {
    let one = |row: i64| Tally {
        issuer: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0".to_owned(),
        tenant: format!("{:036}", row % 20),
        application: format!("{:036}", (row * 7 + day) % APPLICATIONS),
        route: format!("/v1/customers/{{customer_id}}/{}", row % 30),
        outcome: if row % 5 == 0 { "denied" } else { "permitted" }.to_owned(),
        ..tally(day, "", 100 + row)
    };
    (0..275).map(one).collect()
}

async fn measure_a_year(name: &str, store: &Store) {
    let person = |number: i64| LastWithout { user: format!("{number:036}"), ..without("", number, 1) };
    let people: Vec<_> = (0..PEOPLE).map(person).collect();
    let requests = |sequence: i64| -> Vec<RecentRequest> {
        (0..10_000).map(|number| request("one", sequence * 10_000 + number, number)).collect()
    };
    let start = Instant::now();
    for sequence in 0..DAYS {
        store.flush(&Flush { sequence, tallies: &day(sequence), ..NOTHING }).await.unwrap();
    }
    println!("{name}: a year in {DAYS} flushes in {:?}", start.elapsed());
    let recent = requests(0);
    let start = Instant::now();
    store.flush(&Flush { sequence: DAYS, without: &people, recent: &recent, ..NOTHING }).await.unwrap();
    println!("{name}: a flush of {PEOPLE} users and {} requests in {:?}", recent.len(), start.elapsed());
    for (what, from) in [("a year", 0), ("seven days", DAYS - 7)] {
        for _ in 0..3 {
            let start = Instant::now();
            let found = store.tallies(from, DAYS).await.unwrap().len();
            println!("{name}: {found} tallies of {what} read in {:?}", start.elapsed());
        }
    }
    let start = Instant::now();
    let found = store.without(0, 10_000).await.unwrap().len();
    println!("{name}: {found} users without MFA read in {:?}", start.elapsed());
    let start = Instant::now();
    let found = store.recent(Some("contoso"), 10_000).await.unwrap().len();
    println!("{name}: {found} requests read in {:?}", start.elapsed());
    store.flush(&Flush { sequence: DAYS + 1, recent: &requests(1), ..NOTHING }).await.unwrap();
    let start = Instant::now();
    let forgotten = store.forget(&Retention { tallies_before_day: 10, ..Retention::default() }).await.unwrap();
    println!("{name}: {forgotten:?} in {:?}", start.elapsed());
}

#[tokio::test]
#[ignore = "a measurement"]
async fn the_cost_of_a_year_of_tallies() {
    measure_a_year("memory", &Place::Memory.open().await).await;
    measure_a_year("sqlite", &Place::Sqlite(tempfile::tempdir().unwrap()).open().await).await;
    if let Some(postgres) = Postgres::start() {
        measure_a_year("postgres", &Place::Postgres(postgres).open().await).await;
    }
}
