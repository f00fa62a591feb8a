//! What holds of every store's vendors.

use std::time::Duration;

use mfa_gateway_store::{Store, VendorOutcome, VendorRun, VendorWish};

on_every_store!(
    a_wish_for_all_reads_the_list_and_goes_on_where_it_was,
    what_is_so_already_is_not_due,
    an_outcome_counts_only_for_the_wish_that_it_is_of,
    one_holder_at_a_time_works_for_a_vendor,
    a_pause_lasts_its_time_for_everybody,
    a_removal_of_all_concerns_those_that_are_listed_no_more,
    the_last_statement_of_a_purge_counts,
);

const PLACE: (&str, &str) = ("panel", "contoso");
const LONG: Duration = Duration::from_secs(60);

fn wish(wanted: &'static str, anew: bool) -> VendorWish<'static> {
    let grants = if wanted == "consented" { "g" } else { "" };
    VendorWish { vendor: "panel", partner: "contoso", wanted, grants, anew, by: "jane" }
}

async fn run(store: &Store) -> VendorRun {
    store.vendor_runs("panel").await.unwrap().pop().unwrap()
}

fn named(ids: &[&str]) -> Vec<(String, String)> {
    ids.iter().map(|id| ((*id).to_owned(), format!("Name of {id}"))).collect()
}

async fn want(store: &Store, wanted: &'static str, ids: &[&str]) {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    store.wish_of_vendor(&wish(wanted, false), Some(&ids)).await.unwrap();
}

async fn due(store: &Store) -> Vec<String> {
    store.due_of_vendor(PLACE, 100).await.unwrap().into_iter().map(|row| row.customer).collect()
}

async fn settle(store: &Store, customer: &str, wanted: &str, state: &str) -> bool {
    let grants = if state == "consented" { "g" } else { "" };
    let (vendor, partner) = PLACE;
    let outcome = VendorOutcome { vendor, partner, customer, wanted, state, grants, existed: false, why: "" };
    store.settle_vendor(&outcome).await.unwrap()
}

async fn a_wish_for_all_reads_the_list_and_goes_on_where_it_was(store: &Store) {
    assert_eq!(store.vendor_runs("panel").await.unwrap(), []);
    store.wish_of_vendor(&wish("consented", false), None).await.unwrap();
    let first = run(store).await;
    assert!(first.listing && first.is_due && first.next.is_empty() && first.asked > 0, "{first:?}");
    assert_eq!(store.list_vendor("panel", &first, "g", &named(&["a", "b"]), Some("more")).await.unwrap(), Some(2));
    let second = run(store).await;
    assert!(second.listing && second.is_due && second.next == "more");
    assert_eq!(store.list_vendor("panel", &second, "g", &named(&["b"]), Some("more")).await.unwrap(), Some(0));
    assert_eq!(store.list_vendor("panel", &second, "g", &named(&["c"]), None).await.unwrap(), Some(1));
    assert_eq!(store.list_vendor("panel", &second, "g", &named(&["d"]), None).await.unwrap(), None, "it is at its end");
    assert_eq!(due(store).await, ["a", "b", "c"]);
    store.wish_of_vendor(&wish("removed", false), None).await.unwrap();
    assert_eq!(
        store.list_vendor("panel", &second, "g", &named(&["d"]), None).await.unwrap(),
        None,
        "it is another one"
    );
    assert_eq!(run(store).await.wanted, "removed");
}

async fn what_is_so_already_is_not_due(store: &Store) {
    want(store, "consented", &["a", "b"]).await;
    assert!(settle(store, "a", "consented", "consented").await && settle(store, "b", "consented", "failed").await);
    want(store, "consented", &["a", "b"]).await;
    assert_eq!(due(store).await, ["b"]);
    let ids = ["a".to_owned()];
    store.wish_of_vendor(&wish("consented", true), Some(&ids)).await.unwrap();
    let again = store.due_of_vendor(PLACE, 100).await.unwrap();
    assert!(again.len() == 2 && again[0].grants == "-", "{again:?}");
    settle(store, "a", "consented", "consented").await;
    let other = VendorWish { grants: "h", ..wish("consented", false) };
    store.wish_of_vendor(&other, Some(&ids)).await.unwrap();
    assert_eq!(store.due_of_vendor(PLACE, 1).await.unwrap()[0].grants, "g");
}

async fn an_outcome_counts_only_for_the_wish_that_it_is_of(store: &Store) {
    want(store, "consented", &["a"]).await;
    want(store, "removed", &["a"]).await;
    assert!(!settle(store, "a", "consented", "consented").await);
    assert_eq!(due(store).await, ["a"]);
    assert!(settle(store, "a", "removed", "removed").await && !settle(store, "a", "removed", "removed").await);
    let counts = store.count_vendor(PLACE, "g").await.unwrap();
    assert!((counts.removed, counts.due, counts.consented) == (1, 0, 0) && counts.last > 0, "{counts:?}");
}

async fn one_holder_at_a_time_works_for_a_vendor(store: &Store) {
    let lease = async |holder: &str, time| store.lease_vendor("panel", holder, time).await.unwrap();
    assert!(!lease("one", LONG).await, "nothing was asked for");
    want(store, "consented", &["a"]).await;
    assert!(lease("one", LONG).await && lease("one", LONG).await && !lease("two", LONG).await);
    assert!(!store.release_vendor("panel", "two", Duration::ZERO).await.unwrap());
    assert!(store.release_vendor("panel", "one", Duration::ZERO).await.unwrap());
    assert!(lease("two", Duration::from_millis(1)).await);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(lease("one", LONG).await, "a lease ends by itself");
}

async fn a_pause_lasts_its_time_for_everybody(store: &Store) {
    want(store, "consented", &["a", "b"]).await;
    assert!(store.lease_vendor("panel", "one", LONG).await.unwrap());
    assert!(store.release_vendor("panel", "one", Duration::from_millis(300)).await.unwrap());
    assert!(!store.lease_vendor("panel", "two", LONG).await.unwrap());
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(store.lease_vendor("panel", "two", LONG).await.unwrap());
    assert!(store.postpone_vendor(("panel", "contoso", "a"), "503", LONG).await.unwrap());
    assert_eq!(due(store).await, ["b"]);
    assert!(store.trouble_vendor(PLACE, "api_unavailable", LONG).await.unwrap());
    let paused = run(store).await;
    assert!(!paused.is_due && paused.trouble == "api_unavailable");
    want(store, "consented", &["a"]).await;
    assert!(run(store).await.is_due && due(store).await == ["a", "b"], "who asks again need not wait");
}

async fn a_removal_of_all_concerns_those_that_are_listed_no_more(store: &Store) {
    want(store, "consented", &["gone"]).await;
    settle(store, "gone", "consented", "consented").await;
    store.wish_of_vendor(&wish("consented", false), None).await.unwrap();
    assert_eq!(due(store).await, [""; 0]);
    store.wish_of_vendor(&wish("removed", false), None).await.unwrap();
    assert_eq!(due(store).await, ["gone"]);
}

async fn the_last_statement_of_a_purge_counts(store: &Store) {
    for how in ["first", "second"] {
        store.state_purge("panel", "contoso", "jane", how).await.unwrap();
    }
    store.state_purge("panel", "fabrikam", "john", "other").await.unwrap();
    let mut purges = store.purges("panel").await.unwrap();
    purges.sort_by(|one, other| one.partner.cmp(&other.partner));
    let told: Vec<_> = purges.iter().map(|purge| (purge.partner.as_str(), purge.how.as_str())).collect();
    assert_eq!(told, [("contoso", "second"), ("fabrikam", "other")]);
    assert!(store.state_purge("panel", "contoso", "jane", "a\0b").await.is_err());
}
