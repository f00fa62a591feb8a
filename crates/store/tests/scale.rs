//! What a large store costs. Measurements: `cargo nextest run -p mfa-gateway-store --run-ignored only --no-capture scale`.

#![expect(clippy::print_stdout, reason = "a measurement's result")]

use std::time::Instant;

use mfa_gateway_store::{
    By, Cursor, Flush, NewSession, RecentRequest, Retention, Store, Tally, UserRequests, Wanted, Which,
};

use crate::places::{Place, because, session};
use crate::postgres::Postgres;
use crate::report::{DAY, NOTHING, request, tally, without};
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

/// How many days users are known: the default of `report.retention.users`.
const USER_DAYS: i64 = 90;

/// One day of a year, of 550,000 tallies: each application on two of its routes, and every other one without MFA on one.
fn day(day: i64) -> Vec<Tally> {
    let one = |row: i64| Tally {
        issuer: "entra".to_owned(),
        tenant: format!("{:036}", row % 20),
        application: format!("{:036}", row % APPLICATIONS),
        route: format!("/v1/customers/{{customer_id}}/{}", row / APPLICATIONS + row % 30),
        outcome: if row < 2 * APPLICATIONS { "with_mfa" } else { "refused" }.to_owned(),
        ..tally(day, "", 100 + row)
    };
    (0..APPLICATIONS * 3).map(one).collect()
}

/// What users did on a day; every tenth without MFA.
fn users(day: i64) -> Vec<UserRequests> {
    let one = |number: i64| {
        let is_without = (number + day) % 10 == 0;
        let last = if is_without { day * DAY + number } else { 0 };
        let tenant = format!("{:036}", number % 20);
        let user = without(&format!("{number:036}"), last, i64::from(is_without) * 3);
        UserRequests { day, tenant, with_mfa: 20, ..user }
    };
    (0..PEOPLE).map(one).collect()
}

async fn timed<T>(name: &str, what: &str, count: impl Fn(&T) -> usize, work: impl AsyncFn() -> T) {
    for _ in 0..3 {
        let start = Instant::now();
        let found = work().await;
        println!("{name}: {} {what} in {:?}", count(&found), start.elapsed());
    }
}

async fn measure_a_year(name: &str, store: &Store) {
    let start = Instant::now();
    for sequence in 0..DAYS {
        store.flush(&Flush { sequence, tallies: &day(sequence), ..NOTHING }).await.unwrap();
    }
    println!("{name}: a year in {DAYS} flushes in {:?}", start.elapsed());
    let start = Instant::now();
    for sequence in DAYS - USER_DAYS..DAYS {
        store.flush(&Flush { replica: "users", sequence, users: &users(sequence), ..NOTHING }).await.unwrap();
    }
    println!("{name}: {PEOPLE} users on {USER_DAYS} days in {:?}", start.elapsed());
    let recent: Vec<RecentRequest> = (0..10_000).map(|number| request("one", number, DAYS * DAY + number)).collect();
    store.flush(&Flush { sequence: DAYS, recent: &recent, ..NOTHING }).await.unwrap();
    for (span, from_day) in [("a year", 0), ("seven days", DAYS - 7)] {
        let wanted = Wanted { from_day, to_day: DAYS - 1, ..Wanted::default() };
        let application = format!("{:036}", 7);
        let of_one = Wanted { application: Some(&application), ..wanted };
        for (what, wanted) in [("all", &wanted), ("one application", &of_one)] {
            for by in [By::Day, By::Rest] {
                let title = format!("sums by {by:?} of {span}, {what}");
                timed(name, &title, Vec::len, async || store.sums(wanted, by).await.unwrap()).await;
            }
            let title = format!("users without MFA of {span}, {what}");
            timed(name, &title, Vec::len, async || store.without_mfa(wanted, 10_000).await.unwrap()).await;
        }
    }
    timed(name, "requests", Vec::len, async || store.recent(&Wanted::default(), 10_000).await.unwrap()).await;
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
