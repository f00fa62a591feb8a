//! What the status report reads of every store: sums over days, and the users who were seen without MFA.

use std::collections::BTreeMap;

use mfa_gateway_store::{By, Flush, Store, Tally, UserRequests, Wanted};

use crate::report::{DAY, NOTHING, added, all_without, tally, without};

on_every_store!(
    the_last_request_without_mfa_is_shown_and_all_are_counted,
    sums_are_those_of_the_days_and_of_what_is_wanted,
);

async fn the_last_request_without_mfa_is_shown_and_all_are_counted(store: &Store) {
    let first = [without("jane", 20, 2), without("jane", 10, 1), without("john", 5, 1)];
    added(store, Flush { sequence: 1, users: &first, ..NOTHING }).await;
    let with_mfa = UserRequests { with_mfa: 7, name: String::new(), ..without("jane", 0, 0) };
    added(store, Flush { sequence: 2, users: &[without("jane", 15, 4), with_mfa.clone()], ..NOTHING }).await;
    added(store, Flush { replica: "two", users: &[without("john", 30, 4)], ..NOTHING }).await;
    let other = UserRequests { tenant: "other".to_owned(), ..without("jane", 1, 1) };
    let session = UserRequests { credential: "session".to_owned(), exempt: 3, ..without("john", 2, 0) };
    let proven = UserRequests { user: "joan".to_owned(), ..with_mfa };
    added(store, Flush { sequence: 3, users: &[other.clone(), session.clone(), proven], ..NOTHING }).await;
    let all = [without("john", 30, 5), without("jane", 20, 7), session, other];
    assert_eq!(all_without(store).await, all);
    assert_eq!(store.without_mfa(&Wanted::default(), 1).await.unwrap(), all[..1]);
    assert_eq!(store.without_mfa(&Wanted::default(), 0).await.unwrap(), []);
    // Over several days, the last day's is shown.
    let later = [without("jane", DAY + 3, 2), without("john", 3 * DAY, 1)];
    added(store, Flush { sequence: 4, users: &later, ..NOTHING }).await;
    let of = async |from_day, to_day| {
        let found = store.without_mfa(&Wanted { from_day, to_day, ..Wanted::default() }, 10).await.unwrap();
        found.into_iter().map(|one| (one.user.clone(), one.last, one.without_mfa(), one.route)).collect::<Vec<_>>()
    };
    let shown = |user: &str, last, count| (user.to_owned(), last, count, format!("route at {last}"));
    assert_eq!(of(1, 9).await, [shown("john", 3 * DAY, 1), shown("jane", DAY + 3, 2)]);
    assert_eq!(of(1, 2).await, [shown("jane", DAY + 3, 2)]);
    assert_eq!(of(0, 3).await[..2], [shown("john", 3 * DAY, 6), shown("jane", DAY + 3, 9)]);
    let route = Wanted { route: Some("route at 1"), ..Wanted::default() };
    assert_eq!(store.without_mfa(&route, 10).await.unwrap().len(), 1);
    let jane = Wanted { user: Some("jane"), tenant: Some("contoso"), ..Wanted::default() };
    let days = store.user_days(&jane).await.unwrap();
    let days: Vec<_> = days.iter().map(|one| (one.day, one.with_mfa, one.without_mfa(), &*one.name)).collect();
    assert_eq!(days, [(0, 7, 7, "jane Doe"), (1, 0, 2, "jane Doe")]);
}

async fn sums_are_those_of_the_days_and_of_what_is_wanted(store: &Store) {
    let mut all = Vec::new();
    for day in 0..200_i64 {
        for (application, route) in [("a", "/x"), ("a", "/y"), ("b", "/x")] {
            let outcome = if day % 2 == 0 { "denied" } else { "exempt" }.to_owned();
            let exception = if day % 2 == 0 { "" } else { "legacy" }.to_owned();
            all.push(Tally { route: route.to_owned(), outcome, exception, ..tally(day, application, day + 1) });
        }
    }
    added(store, Flush { tallies: &all, ..NOTHING }).await;
    for (from_day, to_day) in [(0, 199), (3, 150), (64, 127), (5, 5), (190, 400), (7, 6), (i64::MIN, i64::MAX)] {
        for (application, route) in [(None, None), (Some("a"), None), (None, Some("/x")), (Some("b"), Some("/y"))] {
            let wanted = Wanted { from_day, to_day, application, route, ..Wanted::default() };
            let is_wanted = |one: &&Tally| {
                (from_day..=to_day).contains(&one.day)
                    && application.is_none_or(|name| one.application == name)
                    && route.is_none_or(|name| one.route == name)
            };
            for by in [By::Day, By::Rest, By::DayAndApplication] {
                let mut expected = BTreeMap::new();
                for one in all.iter().filter(is_wanted) {
                    let one = one.clone();
                    let key = match by {
                        By::Day => {
                            Tally { credential: one.credential, outcome: one.outcome, day: one.day, ..Tally::default() }
                        }
                        By::Rest => Tally { day: 0, count: 0, ..one },
                        By::DayAndApplication => Tally {
                            tenant: String::new(),
                            route: String::new(),
                            exception: String::new(),
                            count: 0,
                            ..one
                        },
                    };
                    *expected.entry(key).or_insert(0) += one.count;
                }
                let found = store.sums(&wanted, by).await.unwrap();
                let found: BTreeMap<_, _> =
                    found.into_iter().map(|one| (Tally { count: 0, ..one.clone() }, one.count)).collect();
                assert_eq!(found, expected, "{wanted:?} {by:?}");
            }
        }
    }
}
