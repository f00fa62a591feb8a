//! What holds of every store's consents.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_store::{
    Consent, ConsentLease, ConsentMark, ConsentRenewal, Envelope, Sealer, SealingKeys, Store, StoreError,
};

use crate::places::{Place, open, sqlite_settings};

on_every_store!(
    a_consent_is_kept_until_another_takes_its_place,
    each_refresh_token_is_replaced_once,
    a_loser_harms_nothing_of_the_winners,
    one_holder_at_a_time_may_use_a_token,
    a_holder_that_never_came_back_is_told_of,
    a_withdrawn_consent_has_no_token_and_gets_none,
    new_keys_take_over_without_reading_a_token,
    consents_are_listed_by_id_without_tokens,
    many_refreshers_lose_no_token,
);

const LONG: Duration = Duration::from_secs(60);

const GRANTED: ConsentLease = ConsentLease::Granted { abandoned: false };

fn keys(names: &[&str]) -> Sealer {
    let contents: Vec<_> = names.iter().map(|name| format!("\0{name:.<31}")).collect();
    let files = contents.iter().map(|content| (Path::new("key"), content.as_bytes()));
    Sealer::new(&SealingKeys::parse(files).unwrap(), "consent", b"")
}

fn consent(id: &str, token: &str) -> Consent {
    let consent = Consent {
        id: id.to_owned(),
        issuer: "https://issuer.example".to_owned(),
        tenant: "contoso".to_owned(),
        application: "panel".to_owned(),
        user: "service-account".to_owned(),
        display: "Service Account".to_owned(),
        given: 100,
        given_by: "jane".to_owned(),
        renewed: 100,
        mfa: true,
        state: "alive".to_owned(),
        state_at: 100,
        ..Consent::default()
    };
    let envelope = Envelope::seal(&keys(&["one"]), &consent.context(), token.as_bytes());
    Consent { envelope, ..consent }
}

async fn token(store: &Store, id: &str) -> (i64, String) {
    let consent = store.consent(id).await.unwrap().unwrap();
    let token = consent.envelope.open(&keys(&["one"]), &consent.context()).unwrap();
    (consent.generation, String::from_utf8(token.to_vec()).unwrap())
}

async fn renewed(store: &Store, generation: i64, token: &str) -> bool {
    let envelope = consent("nightly", token).envelope;
    let renewal = ConsentRenewal {
        id: "nightly",
        generation,
        envelope: &envelope,
        mfa: true,
        state: "alive",
        at: 200 + generation,
    };
    store.renew_consent(&renewal).await.unwrap()
}

async fn leased(store: &Store, holder: &str, generation: i64) -> ConsentLease {
    store.lease_consent("nightly", holder, generation, LONG).await.unwrap()
}

async fn marked(store: &Store, generation: i64, state: &str) -> bool {
    let mark = ConsentMark { id: "nightly", generation, state, why: "AADSTS50173", challenge: "", at: 300 };
    store.mark_consent(&mark).await.unwrap()
}

async fn a_consent_is_kept_until_another_takes_its_place(store: &Store) {
    assert_eq!(store.consent("nightly").await.unwrap(), None);
    let first = consent("nightly", "first");
    assert_eq!(store.give_consent(&first).await.unwrap(), 0);
    assert_eq!(store.consent("nightly").await.unwrap(), Some(first));
    let next = Consent { user: "other".to_owned(), given: 150, ..consent("nightly", "next") };
    assert_eq!(store.give_consent(&next).await.unwrap(), 1);
    assert_eq!(store.consent("nightly").await.unwrap(), Some(Consent { generation: 1, ..next }));
    assert_eq!(token(store, "nightly").await, (1, "next".to_owned()));
    let wrong = Consent { why: "x".repeat(5000), ..consent("wrong", "t") };
    assert_eq!(store.give_consent(&wrong).await, Err(StoreError::Invalid("the reason of the state")));
}

async fn each_refresh_token_is_replaced_once(store: &Store) {
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    let envelope = consent("nightly", "1").envelope;
    let renewal =
        ConsentRenewal { id: "nightly", generation: 0, envelope: &envelope, mfa: false, state: "no_mfa", at: 200 };
    assert!(store.renew_consent(&renewal).await.unwrap());
    assert!(store.renew_consent(&renewal).await.unwrap(), "a repetition of what was done");
    assert!(!renewed(store, 0, "another").await);
    let stored = store.consent("nightly").await.unwrap().unwrap();
    let told =
        (stored.generation, stored.mfa, &*stored.state, stored.state_at, stored.renewed, stored.used, stored.given);
    assert_eq!(told, (1, false, "no_mfa", 200, 200, 200, 100));
    assert_eq!(token(store, "nightly").await, (1, "1".to_owned()));
    assert!(!renewed(store, 7, "of the future").await);
}

async fn a_loser_harms_nothing_of_the_winners(store: &Store) {
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    assert!(renewed(store, 0, "1").await);
    assert!(!marked(store, 0, "reconsent").await, "the older token no longer counts, and that is no news");
    let stored = store.consent("nightly").await.unwrap().unwrap();
    assert_eq!((&*stored.state, &*stored.why), ("alive", ""));
    assert!(marked(store, 1, "reconsent").await);
    let stored = store.consent("nightly").await.unwrap().unwrap();
    assert_eq!((&*stored.state, &*stored.why, stored.state_at), ("reconsent", "AADSTS50173", 300));
    // A person consents again: what was found out about the older token doesn't count.
    assert_eq!(store.give_consent(&consent("nightly", "new")).await.unwrap(), 2);
    assert!(!marked(store, 1, "reconsent").await && !renewed(store, 1, "2").await);
    assert_eq!(token(store, "nightly").await, (2, "new".to_owned()));
}

async fn one_holder_at_a_time_may_use_a_token(store: &Store) {
    assert_eq!(leased(store, "one", 0).await, ConsentLease::Gone);
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    assert_eq!(leased(store, "one", 0).await, GRANTED);
    assert_eq!(leased(store, "two", 0).await, ConsentLease::Held);
    assert_eq!(leased(store, "one", 0).await, GRANTED, "its holder asks again");
    store.release_consent("nightly", "two").await.unwrap();
    assert_eq!(leased(store, "two", 0).await, ConsentLease::Held, "another's isn't given back");
    store.release_consent("nightly", "one").await.unwrap();
    assert_eq!(leased(store, "two", 0).await, GRANTED);
    assert!(renewed(store, 0, "1").await);
    assert_eq!(leased(store, "one", 0).await, ConsentLease::Renewed(1));
    assert_eq!(leased(store, "one", 1).await, GRANTED, "a renewal ends the lease");
    assert_eq!(leased(store, "", 1).await, ConsentLease::Gone, "nobody is no holder");
}

async fn a_holder_that_never_came_back_is_told_of(store: &Store) {
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    let short = Duration::from_millis(50);
    assert_eq!(store.lease_consent("nightly", "one", 0, short).await.unwrap(), GRANTED);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let abandoned = ConsentLease::Granted { abandoned: true };
    assert_eq!(store.lease_consent("nightly", "two", 0, short).await.unwrap(), abandoned);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(leased(store, "two", 0).await, abandoned, "it stays so");
    assert_eq!(leased(store, "three", 0).await, ConsentLease::Held);
    assert!(renewed(store, 0, "1").await);
    assert_eq!(leased(store, "three", 1).await, GRANTED, "the next token is new");
}

async fn a_withdrawn_consent_has_no_token_and_gets_none(store: &Store) {
    assert!(!store.withdraw_consent("nightly", "withdrawn", "", 400).await.unwrap());
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    assert_eq!(leased(store, "one", 0).await, GRANTED);
    assert!(store.withdraw_consent("nightly", "withdrawn", "jane", 400).await.unwrap());
    assert!(!store.withdraw_consent("nightly", "withdrawn", "john", 500).await.unwrap());
    assert!(
        !renewed(store, 0, "1").await && !marked(store, 0, "alive").await,
        "what was under way brings nothing back"
    );
    assert_eq!(leased(store, "one", 0).await, ConsentLease::Gone);
    let stored = store.consent("nightly").await.unwrap().unwrap();
    assert_eq!((&stored.envelope, &*stored.why), (&Envelope::default(), "jane"));
    assert_eq!(stored.envelope.open(&keys(&["one"]), &stored.context()), None);
    assert_eq!(store.give_consent(&consent("nightly", "again")).await.unwrap(), 1);
    assert_eq!(token(store, "nightly").await, (1, "again".to_owned()));
}

async fn new_keys_take_over_without_reading_a_token(store: &Store) {
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    let both = keys(&["two", "one"]);
    let [listed] = &*store.consents("", 10).await.unwrap() else { panic!() };
    assert!(!listed.envelope.is_current(&both));
    let new = listed.envelope.rewrapped(&both, &listed.context()).unwrap();
    assert!(store.rewrap_consent("nightly", &listed.envelope.data_key, &new).await.unwrap());
    assert!(!store.rewrap_consent("nightly", &listed.envelope.data_key, &new).await.unwrap(), "it has another by now");
    let stored = store.consent("nightly").await.unwrap().unwrap();
    assert_eq!(stored.envelope.open(&keys(&["two"]), &stored.context()).unwrap().as_slice(), b"0");
    assert_eq!(stored.envelope.open(&keys(&["one"]), &stored.context()), None);
    assert_eq!(stored.generation, 0);
}

async fn consents_are_listed_by_id_without_tokens(store: &Store) {
    for id in ["c", "a", "b"] {
        store.give_consent(&consent(id, "t")).await.unwrap();
    }
    let ids = async |after, most| {
        let listed = store.consents(after, most).await.unwrap();
        assert!(listed.iter().all(|one| one.envelope.secret.is_empty() && !one.envelope.data_key.is_empty()));
        listed.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("", 2).await, ["a", "b"]);
    assert_eq!(ids("b", 2).await, ["c"]);
    assert_eq!(ids("c", u32::MAX).await, Vec::<String>::new());
}

async fn many_refreshers_lose_no_token(store: &Store) {
    store.give_consent(&consent("nightly", "0")).await.unwrap();
    let issued = Arc::new(tokio::sync::Mutex::new(vec!["0".to_owned()]));
    let refreshers = (0..8).map(|number| {
        let (store, issued) = (store.clone(), Arc::clone(&issued));
        tokio::spawn(async move {
            for _ in 0..5 {
                let (generation, used) = token(&store, "nightly").await;
                let holder = number.to_string();
                if !matches!(leased(&store, &holder, generation).await, ConsentLease::Granted { .. }) {
                    continue;
                }
                // The issuer: it takes its newest token alone, and once.
                let next = {
                    let mut issued = issued.lock().await;
                    assert_eq!(issued.last(), Some(&used), "a token was used that has been replaced");
                    let next = issued.len().to_string();
                    issued.push(next);
                    issued.last().unwrap().clone()
                };
                assert!(renewed(&store, generation, &next).await);
            }
        })
    });
    for refresher in refreshers.collect::<Vec<_>>() {
        refresher.await.unwrap();
    }
    let issued = issued.lock().await;
    let last = i64::try_from(issued.len()).unwrap() - 1;
    assert_eq!(token(store, "nightly").await, (last, issued.last().unwrap().clone()));
    assert!(last >= 5, "{last}");
}

#[tokio::test]
async fn a_copy_of_the_database_has_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&sqlite_settings(folder.path(), crate::places::DEADLINE)).await;
    let secret = "the-refresh-token-that-nobody-may-find";
    store.give_consent(&consent("nightly", secret)).await.unwrap();
    assert!(renewed(&store, 0, &format!("{secret}-2")).await);
    let mut found_id = false;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!has(secret));
        found_id |= has("nightly");
    }
    assert!(found_id, "the test looks at the right files");
    let place = Place::Sqlite(folder);
    drop(store);
    assert_eq!(token(&place.open().await, "nightly").await.0, 1);
}
