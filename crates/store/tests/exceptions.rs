//! What holds of every store's exceptions.

use std::time::Duration;

use mfa_gateway_core::clock::Clock;
use mfa_gateway_store::{
    Exception, ExceptionFilter, ExceptionPage, Flush, Move, NewEvidence, NewException, NewStep, Store, StoreError,
    Tally, Uses, Who,
};

use crate::places::{Place, open};
use crate::postgres::Postgres;
use crate::report::{NOTHING, tally};

on_every_store!(
    a_request_is_found_with_its_steps_and_its_evidence,
    of_two_steps_from_one_version_one_is_made,
    what_has_ended_makes_no_step,
    the_register_is_read_once_and_then_when_it_has_changed,
    a_list_holds_what_matches_newest_first_in_pages,
    evidence_comes_with_a_step,
    texts_of_strangers_are_kept_or_refused_whole,
    a_step_that_is_given_up_is_whole_or_nothing,
    uses_are_summed_over_days_routes_and_applications,
);

const DAY: i64 = 86_400_000;

fn now() -> i64 {
    Clock::system().now().as_millis()
}

fn jane() -> Who {
    Who::new("entra", "contoso", "jane-oid", "Jane Doe")
}

fn exception(id: &str) -> NewException {
    let texts = ["ground", "owner", "reason", "ticket", "software", "order", "app", "user", "tenant", "entra", "[]"];
    let [ground, owner, reason, ticket, software, purchase_order, application, user, tenant, issuer, routes] =
        texts.map(str::to_owned);
    let (id, starts, ends) = (id.to_owned(), now(), now() + DAY);
    NewException {
        id,
        ground,
        owner,
        reason,
        ticket,
        software,
        purchase_order,
        application,
        user,
        tenant,
        issuer,
        routes,
        starts,
        ends,
    }
}

fn step(what: &str) -> NewStep {
    NewStep { by: jane(), shown: "MFA".to_owned(), what: what.to_owned(), why: format!("why {what}") }
}

fn evidence(kind: &str) -> NewEvidence {
    let (kind, name, media_type) = (kind.to_owned(), "a \u{1f600}.pdf".to_owned(), "application/pdf".to_owned());
    NewEvidence { kind, name, media_type, bytes: vec![0, 255, b'\'', 7] }
}

async fn request(store: &Store, new: &NewException) {
    assert!(store.request_exception(new, &step("requested"), &[]).await.unwrap());
}

async fn to(store: &Store, id: &str, version: i64, to: &str) -> bool {
    let (step, approves) = (step(to), to == "approved");
    let asked = Move { id, version, to: Some(to), approves, step: &step, evidence: None };
    store.move_exception(&asked).await.unwrap()
}

async fn state(store: &Store, id: &str) -> (String, i64, usize) {
    let (found, steps, _) = store.exception(id).await.unwrap().unwrap();
    (found.state, found.version, steps.len())
}

async fn a_request_is_found_with_its_steps_and_its_evidence(store: &Store) {
    let (before, asked) = (now(), exception("a"));
    let all = [evidence("explain"), evidence("configuration")];
    assert!(store.request_exception(&asked, &step("requested"), &all).await.unwrap());
    let (found, steps, evidence) = store.exception("a").await.unwrap().unwrap();
    let expected =
        Exception { asked: asked.clone(), state: "requested".to_owned(), version: 1, by: jane(), ..found.clone() };
    assert_eq!((&found, found.approved), (&expected, 0));
    assert!((before - 1000..=now() + 1000).contains(&found.requested));
    assert_eq!((steps.len(), steps[0].number, &steps[0].made), (1, 1, &step("requested")));
    let told: Vec<_> = evidence.iter().map(|one| (one.number, one.kind.as_str(), one.size)).collect();
    assert_eq!(told, [(1, "explain", 4), (2, "configuration", 4)]);
    let (about, bytes) = store.evidence("a", 2).await.unwrap().unwrap();
    assert_eq!((about, bytes), (evidence[1].clone(), all[1].bytes.clone()));
    assert_eq!(store.evidence("a", 3).await.unwrap(), None);
    assert_eq!(store.exception("b").await.unwrap(), None);
    assert_eq!(store.request_exception(&asked, &step("requested"), &[]).await, Err(StoreError::Conflict));
    assert_eq!(state(store, "a").await, ("requested".to_owned(), 1, 1));
}

async fn of_two_steps_from_one_version_one_is_made(store: &Store) {
    for round in 0..10 {
        let id = format!("{round}");
        request(store, &exception(&id)).await;
        let (one, two) = tokio::join!(to(store, &id, 1, "approved"), to(store, &id, 1, "rejected"));
        assert!(one != two, "exactly one of both");
        assert_eq!(state(store, &id).await, (if one { "approved" } else { "rejected" }.to_owned(), 2, 2));
        assert!(!to(store, &id, 1, "withdrawn").await && !to(store, &id, 3, "withdrawn").await);
        let (found, steps, _) = store.exception(&id).await.unwrap().unwrap();
        assert_eq!(found.approved > 0, one);
        assert_eq!(steps[1].made.what, found.state);
    }
    assert!(!to(store, "nobodys", 1, "approved").await);
}

async fn what_has_ended_makes_no_step(store: &Store) {
    let past = NewException { ends: now() - 1000, ..exception("past") };
    assert!(!store.request_exception(&past, &step("requested"), &[evidence("explain")]).await.unwrap());
    assert_eq!(store.exception("past").await.unwrap(), None);
    let soon = NewException { ends: now() + 700, ..exception("soon") };
    request(store, &soon).await;
    assert!(to(store, "soon", 1, "approved").await);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!to(store, "soon", 2, "revoked").await);
    assert_eq!(state(store, "soon").await, ("approved".to_owned(), 2, 2));
    assert_eq!(store.register(-1).await.unwrap().rows, Some(Vec::new()));
}

async fn the_register_is_read_once_and_then_when_it_has_changed(store: &Store) {
    let ids = |rows: Option<Vec<Exception>>| {
        rows.map(|rows| rows.into_iter().map(|row| (row.asked.id, row.state)).collect::<Vec<_>>())
    };
    let entry = |id: &str, state: &str| (id.to_owned(), state.to_owned());
    let first = store.register(-1).await.unwrap();
    assert!((first.now - now()).abs() < 5000);
    assert_eq!(ids(first.rows), Some(Vec::new()));
    request(store, &exception("a")).await;
    request(store, &exception("b")).await;
    let second = store.register(first.mark).await.unwrap();
    assert_eq!(ids(second.rows), Some(vec![entry("a", "requested"), entry("b", "requested")]));
    assert_eq!(store.register(second.mark).await.unwrap().rows, None);
    assert!(to(store, "a", 1, "approved").await && to(store, "b", 1, "withdrawn").await);
    let third = store.register(second.mark).await.unwrap();
    assert_eq!(ids(third.rows), Some(vec![entry("a", "approved")]));
    assert!(to(store, "a", 2, "revoked").await);
    assert_eq!(ids(store.register(third.mark).await.unwrap().rows), Some(Vec::new()));
}

async fn a_list_holds_what_matches_newest_first_in_pages(store: &Store) {
    for (id, starts, ends) in [("a", -1, 1), ("b", 1, 2), ("c", -1, 3), ("d", -1, 4)] {
        let times = NewException { starts: now() + starts * DAY, ends: now() + ends * DAY, ..exception(id) };
        request(store, &times).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    assert!(to(store, "b", 1, "approved").await && to(store, "c", 1, "approved").await);
    let list = async |filter: ExceptionFilter| {
        let page = ExceptionPage::default();
        let rows = store.exceptions(&filter, &page).await.unwrap();
        rows.into_iter().map(|row| row.asked.id).collect::<String>()
    };
    assert_eq!(list(ExceptionFilter::default()).await, "dcba");
    let approved = ExceptionFilter { states: vec!["approved"], ..ExceptionFilter::default() };
    assert_eq!(list(approved.clone()).await, "cb");
    assert_eq!(list(ExceptionFilter { begun_at: Some(now()), ..approved.clone() }).await, "c");
    assert_eq!(list(ExceptionFilter { not_begun_at: Some(now()), ..approved.clone() }).await, "b");
    let later = now() + DAY * 5 / 2;
    assert_eq!(list(ExceptionFilter { ended_at: Some(later), ..ExceptionFilter::default() }).await, "ba");
    assert_eq!(list(ExceptionFilter { ends_after: Some(later), ..ExceptionFilter::default() }).await, "dc");
    let by = |tenant: &str, user: &str| ExceptionFilter {
        by: Some((tenant.to_owned(), user.to_owned())),
        ..ExceptionFilter::default()
    };
    assert_eq!(list(by("contoso", "jane-oid")).await, "dcba");
    assert_eq!(list(by("other", "jane-oid")).await, "");
    assert_eq!(list(by("contoso", "john-oid")).await, "");
    let mut page = ExceptionPage { after: None, most: 3 };
    let first = store.exceptions(&ExceptionFilter::default(), &page).await.unwrap();
    page.after = first.last().map(|row| (row.requested, row.asked.id.clone()));
    let second = store.exceptions(&ExceptionFilter::default(), &page).await.unwrap();
    assert_eq!((first.len(), second.len(), second[0].asked.id.as_str()), (3, 1, "a"));
}

async fn evidence_comes_with_a_step(store: &Store) {
    request(store, &exception("a")).await;
    let (step, evidence) = (step("evidence"), evidence("purchase_order"));
    let add = Move { id: "a", version: 1, to: None, approves: false, step: &step, evidence: Some(&evidence) };
    assert!(store.move_exception(&add).await.unwrap());
    assert!(!store.move_exception(&add).await.unwrap(), "twice from one version");
    assert!(store.move_exception(&Move { version: 2, ..add }).await.unwrap());
    assert_eq!(state(store, "a").await, ("requested".to_owned(), 3, 3));
    let (_, steps, evidence) = store.exception("a").await.unwrap().unwrap();
    assert_eq!(evidence.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(steps[2].number, 3);
}

async fn texts_of_strangers_are_kept_or_refused_whole(store: &Store) {
    let strange = "<b>'; DROP TABLE mfa_exception; -- \u{202e}\u{1f600} \\ $1 {now} \" ö%_\n";
    let asked = NewException { reason: strange.to_owned(), ticket: strange.to_owned(), ..exception("a") };
    let said = NewStep { why: strange.to_owned(), shown: strange.to_owned(), ..step("requested") };
    assert!(store.request_exception(&asked, &said, &[]).await.unwrap());
    let (found, steps, _) = store.exception("a").await.unwrap().unwrap();
    assert_eq!((found.asked, &steps[0].made), (asked, &said));
    for text in ["a\0b".to_owned(), "x".repeat(4097)] {
        let new = NewException { reason: text.clone(), ..exception("b") };
        assert!(matches!(store.request_exception(&new, &said, &[]).await, Err(StoreError::Invalid(_))));
        let wrong = NewStep { why: text.clone(), ..step("approved") };
        let asked = Move { id: "a", version: 1, to: Some("approved"), approves: true, step: &wrong, evidence: None };
        assert!(matches!(store.move_exception(&asked).await, Err(StoreError::Invalid(_))));
        assert_ne!(Who::new("", "", &text, ""), Who::new("", "", &format!("{text}x"), ""));
        let by = Who::new(&text, &text, &text, &"n".repeat(10_000));
        let new = exception(&format!("by {}", text.len()));
        assert!(store.request_exception(&new, &NewStep { by: by.clone(), ..step("requested") }, &[]).await.unwrap());
        assert_eq!(store.exception(&new.id).await.unwrap().unwrap().0.by, by);
    }
    let large = NewEvidence { bytes: vec![0; (1 << 20) + 1], ..evidence("explain") };
    let refused = store.request_exception(&exception("c"), &said, &[large]).await;
    assert_eq!(refused, Err(StoreError::Invalid("the evidence")));
    assert_eq!(state(store, "a").await, ("requested".to_owned(), 1, 1));
}

async fn a_step_that_is_given_up_is_whole_or_nothing(store: &Store) {
    request(store, &exception("a")).await;
    let mut version = 1;
    for number in 1..60_u64 {
        let (step, evidence) = (step("evidence"), evidence("explain"));
        let add = Move { id: "a", version, to: None, approves: false, step: &step, evidence: Some(&evidence) };
        let _ = tokio::time::timeout(Duration::from_micros(100 * number), store.move_exception(&add)).await;
        let (found, steps, all) = store.exception("a").await.unwrap().unwrap();
        version = found.version;
        assert_eq!(
            (steps.len(), all.len()),
            (usize::try_from(version).unwrap(), usize::try_from(version).unwrap() - 1)
        );
    }
    assert!(to(store, "a", version, "approved").await);
}

async fn uses_are_summed_over_days_routes_and_applications(store: &Store) {
    let long = "x".repeat(5_000);
    let used = |exception: &str, day: i64, application: &str, count: i64| Tally {
        exception: exception.to_owned(),
        ..tally(day, application, count)
    };
    let tallies = [
        used("granted-a", 20_000, "a", 3),
        used("granted-a", 20_000, "b", 4),
        used("granted-a", 20_065, "a", 5),
        used("granted-b", 20_001, "a", 1),
        used("granted-c", 20_002, "a", 9),
        used("", 20_070, "a", 100),
        used(&long, 20_003, "a", 2),
    ];
    assert!(store.flush(&Flush { sequence: 1, tallies: &tallies, ..NOTHING }).await.unwrap());
    let found = store.uses(&["granted-a", "granted-b", "never", &long]).await.unwrap();
    let expected = [("granted-a", 12, 20_065), ("granted-b", 1, 20_001), (&long, 2, 20_003)];
    let expected = expected.map(|(id, count, last)| (id.to_owned(), Uses { count, last }));
    assert_eq!(found, expected.into());
    assert_eq!(store.uses(&[]).await.unwrap().len(), 0);
    let many: Vec<_> = (0..1_200).map(|at| at.to_string()).chain(["granted-b".to_owned()]).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(store.uses(&many).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_replica_hears_of_another_ones_step() {
    let Some(postgres) = Postgres::start() else { return };
    let place = Place::Postgres(postgres);
    let (one, two) = (place.open().await, open(&place.settings(crate::places::DEADLINE)).await);
    request(&one, &exception("a")).await;
    let mark = two.register(-1).await.unwrap().mark;
    // What was said until now.
    while tokio::time::timeout(Duration::from_secs(2), two.exceptions_woken()).await.is_ok() {}
    let (heard, done) = tokio::join!(tokio::time::timeout(Duration::from_secs(5), two.exceptions_woken()), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        to(&one, "a", 1, "approved").await
    });
    assert!(heard.is_ok() && done);
    let rows = two.register(mark).await.unwrap().rows.unwrap();
    assert_eq!((rows.len(), rows[0].state.as_str()), (1, "approved"));
}
