//! What the status report counts of customers, in every store.

use std::collections::BTreeMap;

use mfa_gateway_store::{CustomerRequests, Flush, Retention, Store, Wanted};

use crate::report::{NOTHING, added};

on_every_store!(
    requests_about_customers_are_those_of_the_days_and_of_what_is_wanted,
    what_is_counted_of_customers_is_forgotten_in_time,
);

fn about(day: i64, customer: &str, partner: &str, count: i64) -> CustomerRequests {
    let text = str::to_owned;
    let (issuer, customer, partner) = (text("entra"), text(customer), text(partner));
    CustomerRequests { day, issuer, customer, partner, with_mfa: count, by_context: 1, ..CustomerRequests::default() }
}

/// What was counted of each customer and partner, in their order.
async fn found(store: &Store, wanted: &Wanted<'_>) -> Vec<CustomerRequests> {
    let mut found = store.customers(wanted).await.unwrap();
    found.sort();
    found
}

async fn requests_about_customers_are_those_of_the_days_and_of_what_is_wanted(store: &Store) {
    let mut all = Vec::new();
    for day in 0..150_i64 {
        all.push(about(day, "c", "p", day + 1));
        all.push(CustomerRequests { app_only: 2, refused: 3, ..about(day, "c", "", 0) });
        all.push(CustomerRequests { exempt: 4, report_only: 5, off: 6, ..about(day, "d", "p", 0) });
        all.push(CustomerRequests { issuer: "other".to_owned(), ..about(day, "c", "p", 1) });
    }
    for (sequence, part) in (0_i64..).zip(all.chunks(90)) {
        let flush = Flush { sequence, customers: part, ..NOTHING };
        added(store, flush).await;
        assert!(!store.flush(&flush).await.unwrap(), "a repetition counts nothing");
    }
    for (from_day, to_day) in [(0, 149), (3, 140), (64, 127), (5, 5), (149, 400), (7, 6), (i64::MIN, i64::MAX)] {
        for (issuer, tenant) in [(None, None), (Some("other"), None), (None, Some("D")), (Some("entra"), Some("c"))] {
            let wanted = Wanted { from_day, to_day, issuer, tenant, ..Wanted::default() };
            let mut expected: BTreeMap<_, CustomerRequests> = BTreeMap::new();
            for one in &all {
                let is_of = tenant.is_none_or(|tenant| tenant.eq_ignore_ascii_case(&one.customer));
                if (from_day..=to_day).contains(&one.day) && is_of && issuer.is_none_or(|issuer| issuer == one.issuer) {
                    let key = (&one.issuer, &one.customer, &one.partner);
                    let sum = expected.entry(key).or_insert_with(|| CustomerRequests { day: 0, ..one.clone() });
                    if one.day > from_day.max(0) {
                        sum.with_mfa += one.with_mfa;
                        sum.refused += one.refused;
                        sum.exempt += one.exempt;
                        sum.report_only += one.report_only;
                        sum.off += one.off;
                        sum.app_only += one.app_only;
                        sum.by_context += one.by_context;
                    }
                }
            }
            assert_eq!(found(store, &wanted).await, expected.into_values().collect::<Vec<_>>(), "{wanted:?}");
        }
    }
}

async fn what_is_counted_of_customers_is_forgotten_in_time(store: &Store) {
    let all: Vec<_> = (0..130).map(|day| about(day, "c", "p", 1)).collect();
    added(store, Flush { customers: &all, ..NOTHING }).await;
    let retention = Retention { tallies_before_day: 100, ..Retention::default() };
    // 100 days, and those of the 8 and 64 days that ended before.
    assert_eq!(store.forget(&retention).await.unwrap().tallies, 100 + 12 + 1);
    let of = async |from_day| found(store, &Wanted { from_day, ..Wanted::default() }).await;
    assert_eq!(of(100).await[0].with_mfa, 30);
    assert_eq!(store.erase("entra", "c", "p").await.unwrap(), 0, "they name nobody");
    assert_eq!(of(100).await[0].by_context, 30);
}
