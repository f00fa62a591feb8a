//! What holds of every store's part of the status report.

use std::collections::BTreeMap;

use mfa_gateway_store::{By, Flush, Forgotten, RecentRequest, Retention, Store, Tally, UserRequests, Wanted};

on_every_store!(
    sums_are_exact_over_replicas_and_repetitions,
    a_number_that_was_flushed_changes_nothing,
    tallies_are_read_by_days,
    the_newest_requests_are_listed_by_tenant,
    what_is_past_its_time_is_forgotten,
    each_tenant_keeps_its_newest_requests,
    a_person_is_erased_and_nobody_else,
    texts_of_any_length_are_counted_apart,
    a_flush_that_is_given_up_is_whole_or_nothing,
);

pub(crate) const NOTHING: Flush<'static> =
    Flush { replica: "one", sequence: 0, tallies: &[], users: &[], customers: &[], recent: &[] };

pub(crate) fn tally(day: i64, application: &str, count: i64) -> Tally {
    Tally {
        day,
        credential: "token".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        tenant: "contoso".to_owned(),
        application: application.to_owned(),
        route: "/customers/{id}".to_owned(),
        outcome: "denied".to_owned(),
        exception: String::new(),
        count,
    }
}

/// A day in milliseconds.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;

/// Requests without MFA of this user, of which the last was at this time.
pub(crate) fn without(user: &str, last: i64, count: i64) -> UserRequests {
    UserRequests {
        day: last / DAY,
        credential: "token".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        tenant: "contoso".to_owned(),
        user: user.to_owned(),
        name: format!("{user} Doe"),
        refused: count,
        last,
        application: format!("application at {last}"),
        route: format!("route at {last}"),
        ..UserRequests::default()
    }
}

/// All users who were seen without MFA.
pub(crate) async fn all_without(store: &Store) -> Vec<UserRequests> {
    store.without_mfa(&Wanted::default(), 10_000).await.unwrap()
}

/// All requests.
pub(crate) async fn all_recent(store: &Store) -> Vec<RecentRequest> {
    store.recent(&Wanted::default(), 10_000).await.unwrap()
}

pub(crate) fn request(replica: &str, number: i64, at: i64) -> RecentRequest {
    RecentRequest {
        replica: replica.to_owned(),
        number,
        at,
        request_id: format!("request {number}"),
        correlation_id: "correlation".to_owned(),
        method: "GET".to_owned(),
        route: "/customers/{id}".to_owned(),
        address: "192.0.2.7".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        tenant: "contoso".to_owned(),
        user: "jane".to_owned(),
        name: "Jane Doe".to_owned(),
        application: "console".to_owned(),
        credential: "token".to_owned(),
        outcome: "permitted".to_owned(),
        compliant: number % 2 == 0,
    }
}

pub(crate) async fn added(store: &Store, flush: Flush<'_>) {
    assert!(store.flush(&flush).await.unwrap());
}

async fn numbers(store: &Store, tenant: Option<&str>, most: u32) -> Vec<(String, i64)> {
    let wanted = Wanted { tenant, ..Wanted::default() };
    store.recent(&wanted, most).await.unwrap().into_iter().map(|one| (one.replica, one.number)).collect()
}

async fn sums_are_exact_over_replicas_and_repetitions(store: &Store) {
    let (mut expected, mut people) = (BTreeMap::new(), BTreeMap::new());
    for sequence in 0..6_i64 {
        for (number, replica) in ["one", "two"].into_iter().enumerate() {
            // More than one statement takes; some rows twice, and each replica's in its own order.
            let mut tallies: Vec<_> =
                (0..1200).map(|row| tally(row % 3, &format!("{}", row % 570), row + sequence)).collect();
            tallies.rotate_left(number * 100);
            let users: Vec<_> = (0..700).map(|row| without(&format!("{}", row % 600), sequence + 1, 1)).collect();
            let flush = Flush { replica, sequence, tallies: &tallies, users: &users, customers: &[], recent: &[] };
            added(store, flush).await;
            for Tally { day, application, count, .. } in &tallies {
                *expected.entry((*day, application.clone())).or_insert(0) += count;
            }
            for one in &users {
                *people.entry(one.user.clone()).or_insert(0) += one.without_mfa();
            }
            for earlier in (0..=sequence).rev() {
                assert!(!store.flush(&Flush { sequence: earlier, ..flush }).await.unwrap());
            }
        }
    }
    let found = store.tallies(0, 2).await.unwrap();
    let found: BTreeMap<_, _> = found.into_iter().map(|one| ((one.day, one.application), one.count)).collect();
    assert_eq!(found, expected);
    let found = all_without(store).await.into_iter().map(|one| (one.user.clone(), one.without_mfa()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), people);
    for by in [By::Rest, By::Day, By::DayAndApplication] {
        let sum: i64 = store.sums(&Wanted::default(), by).await.unwrap().iter().map(|one| one.count).sum();
        assert_eq!(sum, expected.values().sum::<i64>(), "{by:?}");
    }
}

async fn a_number_that_was_flushed_changes_nothing(store: &Store) {
    let (first, users, requests) = ([tally(1, "a", 1)], [without("jane", 1, 1)], [request("one", 1, 1)]);
    let flush = Flush { sequence: 5, tallies: &first, users: &users, recent: &requests, ..NOTHING };
    added(store, flush).await;
    let (other, users, requests) = ([tally(1, "a", 10)], [without("jane", 9, 1)], [request("one", 2, 1)]);
    for sequence in [5, 4, i64::MIN] {
        let flush = Flush { sequence, tallies: &other, users: &users, recent: &requests, ..NOTHING };
        assert!(!store.flush(&flush).await.unwrap());
    }
    assert_eq!(store.tallies(1, 1).await.unwrap(), first);
    assert_eq!(all_without(store).await, [without("jane", 1, 1)]);
    assert_eq!(all_recent(store).await, [request("one", 1, 1)]);
    // Numbers may be left out, and a flush may be empty.
    added(store, Flush { sequence: 9, ..NOTHING }).await;
    assert!(!store.flush(&Flush { sequence: 8, tallies: &other, ..NOTHING }).await.unwrap());
    added(store, Flush { replica: "two", sequence: i64::MIN, tallies: &other, ..NOTHING }).await;
    assert_eq!(store.tallies(1, 1).await.unwrap(), [tally(1, "a", 11)]);
    assert_eq!(store.health().last_error, None);
}

async fn tallies_are_read_by_days(store: &Store) {
    let empty = Tally { day: 3, count: 1, ..Tally::default() };
    let mut all =
        vec![tally(-1, "a", 1), tally(1, "a", 1), tally(1, "b", 1), empty, tally(3, "a", 1), tally(4, "a", 1)];
    // Each part tells rows apart.
    for change in [
        |tally: &mut Tally| tally.issuer.push('x'),
        |tally: &mut Tally| tally.tenant.push('x'),
        |tally: &mut Tally| tally.route.push('x'),
        |tally: &mut Tally| tally.exception.push('x'),
        |tally: &mut Tally| tally.credential.push('x'),
        |tally: &mut Tally| tally.outcome.push('x'),
    ] {
        let mut other = tally(2, "a", 1);
        change(&mut other);
        all.push(other);
    }
    added(store, Flush { tallies: &all, ..NOTHING }).await;
    for (from, to) in [(-1, 4), (1, 3), (2, 2), (3, 3), (5, 9), (3, 1), (i64::MIN, i64::MAX)] {
        let mut expected: Vec<_> = all.iter().filter(|tally| (from..=to).contains(&tally.day)).cloned().collect();
        let mut found = store.tallies(from, to).await.unwrap();
        assert!(found.is_sorted_by_key(|tally| tally.day));
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{from} to {to}");
    }
}

async fn the_newest_requests_are_listed_by_tenant(store: &Store) {
    let other = RecentRequest { tenant: "other".to_owned(), ..request("one", 4, 2) };
    let requests = [request("one", 1, 5), request("one", 2, 5), request("two", 1, 5), request("one", 3, 1), other];
    added(store, Flush { recent: &requests, ..NOTHING }).await;
    let order = [("two", 1), ("one", 2), ("one", 1), ("one", 4), ("one", 3)].map(|(name, at)| (name.to_owned(), at));
    assert_eq!(numbers(store, None, u32::MAX).await, order);
    assert_eq!(numbers(store, None, 2).await, order[..2]);
    assert_eq!(numbers(store, Some("contoso"), 10).await, [&order[..3], &order[4..]].concat());
    assert_eq!(numbers(store, Some("other"), 10).await, order[3..4]);
    assert_eq!(numbers(store, Some("'; DROP TABLE mfa_recent; --"), 10).await, []);
    assert!(all_recent(store).await.iter().all(|found| requests.contains(found)));
    // A process with the name of one before it begins at 1 again: its requests are the newer ones.
    let again = request("one", 1, 9);
    added(store, Flush { sequence: 1, recent: std::slice::from_ref(&again), ..NOTHING }).await;
    assert_eq!(store.recent(&Wanted::default(), 1).await.unwrap(), [again]);
    let long_ago = Wanted { from_day: 1, ..Wanted::default() };
    assert_eq!(store.recent(&long_ago, 10).await.unwrap(), []);
    assert_eq!(numbers(store, None, 10).await.len(), 5);
}

async fn what_is_past_its_time_is_forgotten(store: &Store) {
    let tallies = [tally(1, "a", 1), tally(2, "a", 1), tally(3, "a", 1)];
    let users = [without("jane", DAY, 1), without("john", 2 * DAY, 1)];
    let requests = [request("one", 1, 1000), request("one", 2, 2000), request("one", 3, 3000)];
    added(store, Flush { tallies: &tallies, users: &users, recent: &requests, ..NOTHING }).await;
    assert_eq!(store.forget(&Retention::default()).await.unwrap(), Forgotten::default());
    let retention =
        Retention { tallies_before_day: 2, users_before_day: 2, recent_before_ms: 3000, ..Retention::default() };
    let forgotten = store.forget(&retention).await.unwrap();
    assert_eq!(forgotten, Forgotten { tallies: 2, users: 1, recent: 2, more: false });
    assert_eq!(store.forget(&retention).await.unwrap(), Forgotten::default());
    assert_eq!(store.tallies(0, 9).await.unwrap(), tallies[1..]);
    assert_eq!(all_without(store).await, users[1..]);
    assert_eq!(all_recent(store).await, requests[2..]);
    assert!(!store.flush(&NOTHING).await.unwrap(), "the replica is known");
}

async fn each_tenant_keeps_its_newest_requests(store: &Store) {
    let of = |tenant: &str, number| RecentRequest { tenant: tenant.to_owned(), ..request("one", number, number / 3) };
    let mut all: Vec<_> = (0..20).map(|number| of("large", number)).collect();
    all.extend((100..105).map(|number| of("small", number)));
    all.extend((200..206).map(|number| of("middle", number)));
    added(store, Flush { recent: &all, ..NOTHING }).await;
    let retention = Retention { recent_most: 5, ..Retention::default() };
    assert_eq!(store.forget(&retention).await.unwrap(), Forgotten { recent: 16, ..Forgotten::default() });
    for (tenant, kept) in [("large", 15..20), ("small", 100..105), ("middle", 201..206)] {
        let kept: Vec<_> = kept.rev().map(|number| ("one".to_owned(), number)).collect();
        assert_eq!(numbers(store, Some(tenant), 100).await, kept);
    }
    let none = Retention { recent_most: 0, ..Retention::default() };
    assert_eq!(store.forget(&none).await.unwrap().recent, 15);
    // More than one call deletes.
    let many: Vec<_> = (0..5_010).map(|number| of("large", number)).collect();
    added(store, Flush { sequence: 1, recent: &many, ..NOTHING }).await;
    let forgotten = store.forget(&retention).await.unwrap();
    assert_eq!((forgotten.recent, forgotten.more), (5_000, true));
    let forgotten = store.forget(&retention).await.unwrap();
    assert_eq!((forgotten.recent, forgotten.more), (5, false));
    assert_eq!(all_recent(store).await.len(), 5);
}

async fn a_person_is_erased_and_nobody_else(store: &Store) {
    let issuer = "https://issuer.example";
    let of = |user: &str, number| RecentRequest { user: user.to_owned(), ..request("one", number, 1) };
    let elsewhere = RecentRequest { tenant: "other".to_owned(), ..of("jane", 4) };
    let requests = [of("jane", 1), of("jane", 2), of("john", 3), elsewhere, of("", 5)];
    let users = [without("jane", 1, 1), without("john", 1, 1)];
    added(store, Flush { tallies: &[tally(1, "a", 1)], users: &users, recent: &requests, ..NOTHING }).await;
    assert_eq!(store.erase(issuer, "contoso", "").await.unwrap(), 0, "an application alone is nobody");
    assert_eq!(store.erase("https://other.example", "contoso", "jane").await.unwrap(), 0);
    assert_eq!(store.erase(issuer, "contoso", "jane").await.unwrap(), 3);
    assert_eq!(store.erase(issuer, "contoso", "jane").await.unwrap(), 0);
    assert_eq!(all_without(store).await, users[1..]);
    let left = numbers(store, None, 9).await.into_iter().map(|(_, number)| number).collect::<Vec<_>>();
    assert_eq!(left, [5, 4, 3]);
    assert_eq!(store.tallies(1, 1).await.unwrap().len(), 1);
}

/// A text that no database can compress.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit(u32::try_from(state >> 59).unwrap(), 32).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

async fn texts_of_any_length_are_counted_apart(store: &Store) {
    let strange = "'; DROP TABLE mfa_tally; -- \u{202e}\u{1f600} \\ $1 {now} \" ö%_";
    let texts = [strange.to_owned(), noise(320, 1), noise(400, 1), noise(10_000, 2), "a\0b\u{1e}\u{1f}".to_owned()];
    for (sequence, text) in (0..).zip(texts) {
        let tally = |end: &str| {
            let text = format!("{text}{end}");
            let [credential, issuer, tenant, application, route, outcome, exception] = [(); 7].map(|()| text.clone());
            Tally { day: sequence, credential, issuer, tenant, application, route, outcome, exception, count: 2 }
        };
        let tallies = [tally(""), tally("x"), tally("")];
        let user =
            UserRequests { issuer: text.clone(), tenant: text.clone(), name: text.clone(), ..without(&text, 1, 1) };
        let mut one = request("one", sequence, 1);
        one.issuer.clone_from(&text);
        one.tenant.clone_from(&text);
        one.user.clone_from(&text);
        one.correlation_id = noise(100_000, 3);
        added(
            store,
            Flush { replica: &text, sequence, tallies: &tallies, users: &[user], customers: &[], recent: &[one] },
        )
        .await;
        let mut counts: Vec<_> = store.tallies(sequence, sequence).await.unwrap().iter().map(|one| one.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [2, 4]);
        assert_eq!(numbers(store, Some(&text), 10).await.len(), 1);
        let named = Wanted { from_day: sequence, to_day: sequence, application: Some(&text), ..Wanted::default() };
        assert_eq!(store.sums(&named, By::Rest).await.unwrap().iter().map(|one| one.count).sum::<i64>(), 4);
        assert!(!store.flush(&Flush { replica: &text, sequence, ..NOTHING }).await.unwrap());
        assert_eq!(store.erase(&text, &text, &text).await.unwrap(), 2);
    }
    let found = store.tallies(0, 0).await.unwrap();
    assert!(found.iter().any(|one| one.application == strange && one.outcome == strange));
}

async fn a_flush_that_is_given_up_is_whole_or_nothing(store: &Store) {
    let mut expected = 0;
    for sequence in 1..60_i64 {
        let tallies: Vec<_> = (0..50).map(|row| tally(1, &row.to_string(), 1)).collect();
        let recent = [request("one", sequence, 1)];
        let flush = Flush { sequence, tallies: &tallies, recent: &recent, ..NOTHING };
        let patience = std::time::Duration::from_micros(100 * sequence.unsigned_abs());
        let _ = tokio::time::timeout(patience, store.flush(&flush)).await;
        store.flush(&flush).await.unwrap();
        expected += 1;
    }
    let found = store.tallies(1, 1).await.unwrap();
    assert_eq!((found.len(), found.iter().all(|one| one.count == expected)), (50, true), "{found:?}");
    assert_eq!(all_recent(store).await.len(), 59);
}
