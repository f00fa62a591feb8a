//! What holds of every store.

use std::collections::BTreeMap;
use std::time::Duration;

use mfa_gateway_store::{
    Changes, Cursor, Ended, Filter, Lease, NewSession, Page, Renewal, Session, Store, StoreError, Which,
};

use crate::places::{LATE, because, session};

on_every_store!(
    a_session_is_found_as_it_began,
    an_id_counts_once_and_a_conflict_changes_nothing,
    a_session_that_is_replaced_ends_with_the_beginning_of_the_other,
    exactly_those_end_that_are_named,
    a_list_holds_what_matches_newest_first_in_pages,
    a_time_of_use_only_moves_forward,
    a_reader_learns_of_everything_once_and_then_of_changes,
    what_is_used_once_counts_once,
    one_holder_refreshes_and_the_generation_moves_once,
    nothing_is_renewed_after_the_end,
    an_ended_session_is_kept_until_it_would_have_expired,
    texts_of_strangers_are_kept_or_refused_whole,
);

async fn begin(store: &Store, session: &NewSession) {
    store.begin(session, None).await.unwrap();
}

async fn a_session_is_found_as_it_began(store: &Store) {
    let jane = session("jane", 1000);
    begin(store, &jane).await;
    let found = store.session("jane").await.unwrap().unwrap();
    assert_eq!(found.begun, jane);
    assert_eq!((found.last_seen, found.ended, found.generation), (1000, None, 0));
    assert_eq!(store.session("john").await.unwrap(), None);
    let epoch = store.epoch().await.unwrap();
    assert_eq!(epoch, store.clone().epoch().await.unwrap());
    assert_ne!(epoch, [0; 16]);
    assert_eq!(store.health().last_error, None);
}

async fn an_id_counts_once_and_a_conflict_changes_nothing(store: &Store) {
    begin(store, &session("one", 1)).await;
    begin(store, &session("two", 1)).await;
    let end = because("replaced", 5);
    let other = NewSession { subject: "john".to_owned(), ..session("one", 2) };
    assert_eq!(store.begin(&other, Some(("two", &end))).await, Err(StoreError::Conflict));
    assert_eq!(store.session("one").await.unwrap().unwrap().begun.subject, "jane");
    assert_eq!(store.session("two").await.unwrap().unwrap().ended, None);
    store.end(Which::Id("one"), &end).await.unwrap();
    assert_eq!(store.begin(&other, None).await, Err(StoreError::Conflict), "an ended one's id isn't free either");
    assert_eq!(store.health().last_error, None, "a conflict is no trouble of the store's");
}

async fn a_session_that_is_replaced_ends_with_the_beginning_of_the_other(store: &Store) {
    begin(store, &session("old", 1)).await;
    store.begin(&session("new", 2), Some(("old", &because("stepped_up", 2)))).await.unwrap();
    let old = store.session("old").await.unwrap().unwrap();
    assert_eq!(old.ended, Some(because("stepped_up", 2)));
    assert!(old.begun.secret.is_empty(), "its tokens are gone");
    // The end that came first stays.
    store.begin(&session("newer", 3), Some(("old", &because("replaced", 3)))).await.unwrap();
    assert_eq!(store.session("old").await.unwrap().unwrap().ended, Some(because("stepped_up", 2)));
    store.begin(&session("newest", 3), Some(("unknown", &because("replaced", 3)))).await.unwrap();
}

async fn exactly_those_end_that_are_named(store: &Store) {
    let issuer = "https://issuer.example";
    let of = |id: &str, issuer: &str, sid: &str, subject: &str, user: &str| NewSession {
        issuer: issuer.to_owned(),
        sid: sid.to_owned(),
        subject: subject.to_owned(),
        user: user.to_owned(),
        ..session(id, 1)
    };
    let sessions = [
        of("a", issuer, "s1", "jane", "j"),
        of("b", issuer, "s1", "john", "k"),
        of("c", issuer, "s2", "jane", "j"),
        of("d", "https://other.example", "s1", "jane", "j"),
        of("e", issuer, "", "", ""),
        of("f", issuer, "", "jane", "j2"),
    ];
    let cases: [(Which<'_>, &str); 10] = [
        (Which::Id("a"), "a"),
        (Which::Id(""), ""),
        (Which::Sid { issuer, sid: "s1" }, "ab"),
        (Which::Sid { issuer, sid: "" }, ""),
        (Which::Subject { issuer, subject: "jane" }, "acf"),
        (Which::Subject { issuer, subject: "" }, ""),
        (Which::SidAndSubject { issuer, sid: "s1", subject: "jane" }, "a"),
        (Which::SidAndSubject { issuer, sid: "s2", subject: "john" }, ""),
        (Which::User { issuer, tenant: "contoso", user: "j" }, "ac"),
        (Which::All, "abcdef"),
    ];
    for (number, (which, expected)) in cases.into_iter().enumerate() {
        store.end(Which::All, &because("between", 1)).await.unwrap();
        for begun in &sessions {
            let id = format!("{}{number}", begun.id);
            begin(store, &NewSession { id, ..begun.clone() }).await;
        }
        let which = match which {
            Which::Id("a") => Which::Id("a0"),
            other => other,
        };
        let mut ended = store.end(which, &because("sign_out", 7)).await.unwrap();
        ended.sort();
        let expected: Vec<_> = expected.chars().map(|id| format!("{id}{number}")).collect();
        assert_eq!(ended, expected, "{which:?}");
        for id in expected {
            let session = store.session(&id).await.unwrap().unwrap();
            assert_eq!(session.ended, Some(because("sign_out", 7)));
            assert!(session.begun.secret.is_empty() && session.begun.evidence.is_empty(), "{which:?}");
        }
        assert!(store.end(which, &because("again", 8)).await.unwrap().is_empty(), "it ends once");
    }
}

async fn a_list_holds_what_matches_newest_first_in_pages(store: &Store) {
    for (number, subject) in ["jane", "john", "jane", "jane", "trent"].into_iter().enumerate() {
        let created = 10 * (i64::try_from(number).unwrap() / 2);
        let begun = NewSession { subject: subject.to_owned(), ..session(&number.to_string(), created) };
        begin(store, &begun).await;
    }
    store.end(Which::Id("2"), &because("sign_out", 5)).await.unwrap();
    store.seen(&[("0".to_owned(), 100)]).await.unwrap();
    let ids = async |filter: Filter, page: Page| {
        let sessions = store.list(&filter, &page).await.unwrap();
        let is_told = |session: &Session| session.begun.evidence == b"evidence";
        assert!(sessions.iter().all(|session| session.begun.secret.is_empty()));
        assert!(sessions.iter().all(|session| is_told(session) == session.ended.is_none()));
        sessions.into_iter().map(|session| session.begun.id).collect::<String>()
    };
    let all = Filter::default;
    assert_eq!(ids(all(), Page::default()).await, "43210");
    assert_eq!(ids(all(), Page { most: 2, after: None }).await, "43");
    assert_eq!(ids(all(), Page { most: 9, after: Some((10, "3".to_owned())) }).await, "210");
    assert_eq!(ids(all(), Page { most: 9, after: Some((0, "0".to_owned())) }).await, "");
    let jane = || Some("jane".to_owned());
    assert_eq!(ids(Filter { subject: jane(), ..all() }, Page::default()).await, "320");
    assert_eq!(ids(Filter { subject: jane(), live_at: Some(5), ..all() }, Page::default()).await, "30");
    assert_eq!(ids(Filter { live_at: Some(LATE), ..all() }, Page::default()).await, "");
    assert_eq!(ids(Filter { seen_after: Some(99), ..all() }, Page::default()).await, "0");
    let every = Filter {
        issuer: Some("https://issuer.example".to_owned()),
        subject: jane(),
        user: Some("jane-oid".to_owned()),
        tenant: Some("contoso".to_owned()),
        sign_in: Some("entra".to_owned()),
        live_at: Some(5),
        seen_after: Some(1),
    };
    assert_eq!(ids(every.clone(), Page { most: 5, after: Some((LATE, "z".to_owned())) }).await, "30");
    assert_eq!(ids(Filter { user: Some(String::new()), ..all() }, Page::default()).await, "");
}

async fn a_time_of_use_only_moves_forward(store: &Store) {
    let seen = async |id: &str| store.session(id).await.unwrap().unwrap().last_seen;
    begin(store, &session("a", 10)).await;
    begin(store, &session("b", 10)).await;
    let mark = |id: &str, at| (id.to_owned(), at);
    store.seen(&[]).await.unwrap();
    store.seen(&[mark("a", 50), mark("unknown", 50), mark("a", 60), mark("a", 40), mark("b", 5)]).await.unwrap();
    assert_eq!((seen("a").await, seen("b").await), (60, 10));
    store.seen(&[mark("a", 55), mark("b", 11), mark("nul\0", 1)]).await.unwrap();
    assert_eq!((seen("a").await, seen("b").await), (60, 11));
    let many: Vec<_> = (0..1201).map(|number| mark(&format!("u{number}"), 1)).chain([mark("a", 70)]).collect();
    store.seen(&many).await.unwrap();
    assert_eq!(seen("a").await, 70);
}

/// Reads until there is no more, as the table in memory does.
pub(crate) async fn read(store: &Store, cursor: &mut Cursor) -> Changes {
    let mut all = Changes::default();
    loop {
        let some = store.changes(cursor).await.unwrap();
        all.ended.extend(some.ended);
        all.seen.extend(some.seen);
        all.renewed.extend(some.renewed);
        if !some.more {
            return all;
        }
    }
}

async fn a_reader_learns_of_everything_once_and_then_of_changes(store: &Store) {
    for id in ["a", "b", "c"] {
        begin(store, &session(id, 10)).await;
    }
    begin(store, &NewSession { expires: 1, ..session("expired", 0) }).await;
    store.end(Which::Id("b"), &because("sign_out", 20)).await.unwrap();
    let mut cursor = Cursor::default();
    let first = read(store, &mut cursor).await;
    assert_eq!(first.ended, [("b".to_owned(), LATE)]);
    let seen: BTreeMap<_, _> = first.seen.into_iter().map(|(id, at, _)| (id, at)).collect();
    assert_eq!(seen, BTreeMap::from([("a".to_owned(), 10), ("c".to_owned(), 10)]));
    assert!(first.renewed.is_empty());

    let new = Renewal { id: "a", generation: 0, secret: b"new", evidence: b"other", mfa: false };
    assert!(store.renew(&new).await.unwrap());
    store.end(Which::Id("c"), &because("sign_out", 30)).await.unwrap();
    begin(store, &session("d", 40)).await;
    let next = read(store, &mut cursor).await;
    assert!(next.ended.contains(&("c".to_owned(), LATE)));
    assert!(next.renewed.contains(&("a".to_owned(), 1)));
    assert!(next.seen.iter().any(|(id, at, _)| (id.as_str(), *at) == ("d", 40)), "a new one is known by its use");
    // Later looks forget nothing that is recent.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    store.end(Which::Id("d"), &because("sign_out", 50)).await.unwrap();
    assert!(read(store, &mut cursor).await.ended.contains(&("d".to_owned(), LATE)));
}

async fn what_is_used_once_counts_once(store: &Store) {
    let attempts = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.use_once("jti", "key", 100).await.unwrap() })
    });
    let mut firsts = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        firsts += u32::from(attempt.await.unwrap());
    }
    assert_eq!(firsts, 1);
    assert!(store.use_once("state", "key", 100).await.unwrap(), "each kind has its own");
    let long = "\0".repeat(100_000);
    assert!(store.use_once("jti", &long, 100).await.unwrap());
    assert!(!store.use_once("jti", &long, 100).await.unwrap());
    assert!(!store.use_once("jti", "key", 900).await.unwrap(), "also after its time, until it is purged");
    assert_eq!(store.purge(200).await.unwrap().used, 0, "clocks differ");
    assert_eq!(store.purge(100_000).await.unwrap().used, 3);
}

async fn one_holder_refreshes_and_the_generation_moves_once(store: &Store) {
    begin(store, &session("a", 10)).await;
    let minute = Duration::from_secs(60);
    assert_eq!(store.lease("a", "one", 0, minute).await.unwrap(), Lease::Granted);
    assert_eq!(store.lease("a", "one", 0, minute).await.unwrap(), Lease::Granted, "its holder asks again");
    assert_eq!(store.lease("a", "two", 0, minute).await.unwrap(), Lease::Held);
    store.release("a", "two").await.unwrap();
    assert_eq!(store.lease("a", "two", 0, minute).await.unwrap(), Lease::Held);
    store.release("a", "one").await.unwrap();
    assert_eq!(store.lease("a", "two", 0, Duration::ZERO).await.unwrap(), Lease::Granted);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.lease("a", "one", 0, minute).await.unwrap(), Lease::Granted, "the time is over");

    let new = Renewal { id: "a", generation: 0, secret: b"second", evidence: b"less", mfa: false };
    assert!(store.renew(&new).await.unwrap());
    assert!(store.renew(&new).await.unwrap(), "a repetition of one that was made");
    assert!(!store.renew(&Renewal { secret: b"late", ..new }).await.unwrap(), "another with the same old token");
    let session = store.session("a").await.unwrap().unwrap();
    assert_eq!((session.generation, session.begun.mfa), (1, false));
    assert_eq!((session.begun.secret, session.begun.evidence), (b"second".to_vec(), b"less".to_vec()));
    assert_eq!(store.lease("a", "two", 0, minute).await.unwrap(), Lease::Renewed(1));
    assert_eq!(store.lease("a", "two", 1, minute).await.unwrap(), Lease::Granted, "the lease ended with the renewal");
    assert_eq!(store.lease("b", "two", 1, minute).await.unwrap(), Lease::Ended);
}

async fn nothing_is_renewed_after_the_end(store: &Store) {
    begin(store, &session("a", 10)).await;
    assert_eq!(store.lease("a", "one", 0, Duration::from_secs(60)).await.unwrap(), Lease::Granted);
    store.end(Which::Id("a"), &because("sign_out", 20)).await.unwrap();
    let new = Renewal { id: "a", generation: 0, secret: b"", evidence: b"", mfa: true };
    assert!(!store.renew(&new).await.unwrap());
    assert_eq!(store.lease("a", "one", 0, Duration::from_secs(60)).await.unwrap(), Lease::Ended);
    assert_eq!(store.session("a").await.unwrap().unwrap().ended, Some(because("sign_out", 20)));
}

async fn an_ended_session_is_kept_until_it_would_have_expired(store: &Store) {
    begin(store, &NewSession { expires: 1000, ..session("ended", 10) }).await;
    begin(store, &NewSession { expires: 2000, ..session("later", 10) }).await;
    store.end(Which::Id("ended"), &Ended { why: "x".to_owned(), at: 0 }).await.unwrap();
    assert!(store.session("ended").await.unwrap().unwrap().ended.is_some(), "the epoch's first second, too");
    assert_eq!(store.purge(1000).await.unwrap().sessions, 0);
    assert_eq!(store.purge(1301).await.unwrap().sessions, 1);
    assert_eq!(store.session("ended").await.unwrap(), None);
    assert!(store.session("later").await.unwrap().is_some());
    store.seen(&[("ended".to_owned(), 5000)]).await.unwrap();
    assert_eq!(store.session("ended").await.unwrap(), None);
}

async fn texts_of_strangers_are_kept_or_refused_whole(store: &Store) {
    let strange = "'; DROP TABLE mfa_session; -- \u{202e}\u{1f600} \\ $1 {now} \" ö%_";
    let begun = NewSession {
        subject: strange.to_owned(),
        sid: strange.to_owned(),
        display: strange.to_owned(),
        evidence: (0..=255).collect(),
        ..session(strange, 10)
    };
    begin(store, &begun).await;
    assert_eq!(store.session(strange).await.unwrap().unwrap().begun, begun);
    let filter = Filter { subject: Some(strange.to_owned()), ..Filter::default() };
    assert_eq!(store.list(&filter, &Page::default()).await.unwrap().len(), 1);
    let issuer = "https://issuer.example";
    for bad in ["a\0b".to_owned(), "x".repeat(5000)] {
        let new = NewSession { sid: bad.clone(), ..session("bad", 10) };
        assert!(matches!(store.begin(&new, None).await, Err(StoreError::Invalid(_))));
        assert_eq!(store.session(&bad).await.unwrap(), None);
        assert!(store.end(Which::Sid { issuer, sid: &bad }, &because("x", 1)).await.unwrap().is_empty());
        let filter = Filter { subject: Some(bad.clone()), ..Filter::default() };
        assert!(store.list(&filter, &Page::default()).await.unwrap().is_empty());
        assert_eq!(store.lease(&bad, "one", 0, Duration::ZERO).await.unwrap(), Lease::Ended);
    }
    assert_eq!(store.end(Which::Sid { issuer, sid: strange }, &because("x", 1)).await.unwrap(), [strange]);
}
