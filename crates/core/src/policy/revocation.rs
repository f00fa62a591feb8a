//! Revocation from outside: whose tokens an issuer has ended by a security event, on this process at this moment.
//!
//! A proof carries what it is known by, so that every [`super::decide`] asks, whatever face it is called by, for cached tokens
//! and sessions too. Where nothing is revoked, that is one look at a number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::clock::Timestamp;
use crate::token::{AuthTime, Claims, SubjectKey, Until};

/// How many parts the table has: a change copies one of them.
const PARTS: usize = 256;

/// That tokens of a subject have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose.
    pub subject: SubjectKey,
    /// Those issued until then, in milliseconds; none if [`Revocation::NONE`].
    pub issued: i64,
    /// Those whose user signed in until then, in milliseconds; none if [`Revocation::NONE`].
    pub signed_in: i64,
    /// From then on it is forgotten, in milliseconds: no token lives so long.
    pub until: i64,
}

impl Revocation {
    /// The time before all times.
    pub const NONE: i64 = i64::MIN;

    /// Of the tokens that came about until a moment.
    #[must_use]
    pub fn new(subject: SubjectKey, by: Until, at: Timestamp, until: Timestamp) -> Self {
        let (issued, signed_in) = match by {
            Until::Issued => (at.as_millis(), Self::NONE),
            Until::SignedIn => (Self::NONE, at.as_millis()),
        };
        Self { subject, issued, signed_in, until: until.as_millis() }
    }
}

/// When the tokens of a subject came about that have ended.
#[derive(Clone, Copy, Debug)]
struct Mark {
    issued: i64,
    signed_in: i64,
    until: i64,
}

/// What is revoked. Clones are the same: one writes, and all read without waiting.
#[derive(Clone, Debug, Default)]
pub struct Revocations(Arc<Table>);

#[derive(Debug)]
struct Table {
    parts: Vec<ArcSwap<HashMap<SubjectKey, Mark>>>,
    /// How many marks there are.
    count: AtomicUsize,
    /// Until when they are believed, in milliseconds, while nobody confirms them.
    believed: AtomicI64,
    writing: Mutex<()>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| ArcSwap::default()).collect(),
            count: AtomicUsize::new(0),
            believed: AtomicI64::new(i64::MAX),
            writing: Mutex::default(),
        }
    }
}

impl Revocations {
    /// Adds some. Of one subject, the latest of each time counts.
    pub fn add(&self, new: impl IntoIterator<Item = Revocation>) {
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_part = HashMap::<usize, Vec<Revocation>>::new();
        for one in new {
            by_part.entry(one.subject.part(PARTS)).or_default().push(one);
        }
        for (part, new) in by_part {
            self.change(part, |marks| {
                for Revocation { subject, issued, signed_in, until } in new {
                    let mark = marks.entry(subject).or_insert(Mark { issued, signed_in, until });
                    mark.issued = mark.issued.max(issued);
                    mark.signed_in = mark.signed_in.max(signed_in);
                    mark.until = mark.until.max(until);
                }
            });
        }
    }

    /// Forgets those whose time is over.
    pub fn sweep(&self, now: Timestamp) {
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |mark: &Mark| mark.until <= now.as_millis();
        for part in 0..PARTS {
            if self.0.parts.get(part).is_some_and(|marks| marks.load().values().any(is_over)) {
                self.change(part, |marks| marks.retain(|_, mark| !is_over(mark)));
            }
        }
    }

    /// Has all be believed until this moment: later, others may have been added elsewhere. Before the first call they are
    /// believed without end.
    pub fn believe(&self, until: Timestamp) {
        self.0.believed.store(until.as_millis(), Ordering::Release);
    }

    /// How many subjects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change(&self, part: usize, change: impl FnOnce(&mut HashMap<SubjectKey, Mark>)) {
        let Some(place) = self.0.parts.get(part) else { return };
        let mut marks = HashMap::clone(&place.load());
        let before = marks.len();
        change(&mut marks);
        let after = marks.len();
        place.store(Arc::new(marks));
        // Only one writes at a time. What is added is there before it is counted.
        self.0.count.fetch_add(after.wrapping_sub(before), Ordering::AcqRel);
    }

    fn mark(&self, key: SubjectKey) -> Option<Mark> {
        self.0.parts.get(key.part(PARTS))?.load().get(&key).copied()
    }
}

/// What is known of a token's standing with its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nobody has ended it.
    Stands,
    /// Its issuer has ended it.
    Revoked,
    /// Others may know that it has ended, and have not been heard for too long.
    Unknown,
}

/// What security events name an issuer's users by, besides `sub` and `sid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNames {
    /// The claim that holds an address, if events may name users by it.
    pub email: Option<String>,
}

/// What a proof is known by to those who revoke. By default nobody can.
#[derive(Clone, Debug, Default)]
pub struct Revocable(Option<Arc<Watched>>);

#[derive(Debug)]
struct Watched {
    by: Revocations,
    keys: Vec<SubjectKey>,
    /// When it was issued, in milliseconds. Without a time it may have been at any: it counts as the earliest.
    issued: i64,
    /// When its user signed in; when it was issued, if it doesn't say.
    signed_in: i64,
}

impl Revocable {
    /// What is proven by these claims can be revoked.
    #[must_use]
    pub fn by(by: &Revocations, claims: &Claims, auth_time: AuthTime, names: &EventNames) -> Self {
        let earliest = |time: Option<Timestamp>| time.map_or(i64::MIN, Timestamp::as_millis);
        let issued = earliest(claims.issued());
        // A sign-in after the token was issued is none: the earlier time is the doubtful one.
        let signed_in = auth_time.time().map_or(issued, |at| at.as_millis().min(issued));
        Self(Some(Arc::new(Watched {
            by: by.clone(),
            keys: SubjectKey::all_of(claims, names.email.as_deref()),
            issued,
            signed_in,
        })))
    }

    /// How it stands.
    pub(super) fn word(&self, now: Timestamp) -> Word {
        let Some(watched) = &self.0 else { return Word::Stands };
        let table = &watched.by.0;
        if table.count.load(Ordering::Acquire) > 0 {
            let is_over = |key: &SubjectKey| {
                let mark = watched.by.mark(*key).filter(|mark| now.as_millis() < mark.until);
                mark.is_some_and(|mark| {
                    let ended = |at: i64, own: i64| at != Revocation::NONE && own <= at;
                    ended(mark.issued, watched.issued) || ended(mark.signed_in, watched.signed_in)
                })
            };
            if watched.keys.iter().any(is_over) {
                return Word::Revoked;
            }
        }
        if now.as_millis() < table.believed.load(Ordering::Acquire) { Word::Stands } else { Word::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn revocable(by: &Revocations, claims: &Value) -> Revocable {
        let claims = Claims::of(claims);
        let auth_time = claims.auth_time(crate::token::AuthTimeForm::Seconds);
        Revocable::by(by, &claims, auth_time, &EventNames::default())
    }

    fn word(by: &Revocations, claims: &Value) -> Word {
        revocable(by, claims).word(NOW)
    }

    fn jane(until: Until, secs: i64) -> Revocation {
        Revocation::new(SubjectKey::user("i", "jane"), until, at(secs), at(2000))
    }

    #[test]
    fn tokens_that_were_issued_until_the_event_have_ended_and_later_ones_stand() {
        let all = Revocations::default();
        let token = |iat: Value| json!({"iss": "i", "sub": "jane", "iat": iat, "auth_time": 1});
        assert_eq!(word(&all, &token(json!(1))), Word::Stands);
        all.add([jane(Until::Issued, 900)]);
        for ended in [json!(1), json!(900), json!(899.5), json!(null), json!("901")] {
            assert_eq!(word(&all, &token(ended.clone())), Word::Revoked, "{ended}");
        }
        assert_eq!(word(&all, &token(json!(901))), Word::Stands);
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "john", "iat": 1})), Word::Stands);
        assert_eq!(word(&all, &json!({"iss": "j", "sub": "jane", "iat": 1})), Word::Stands);
        all.add([jane(Until::Issued, 800)]);
        assert_eq!(word(&all, &token(json!(850))), Word::Revoked, "an earlier event takes nothing back");
    }

    #[test]
    fn with_another_credential_the_sign_in_counts_however_often_tokens_were_refreshed() {
        let all = Revocations::default();
        all.add([jane(Until::SignedIn, 900)]);
        let token = |auth_time: Value| json!({"iss": "i", "sub": "jane", "iat": 950, "auth_time": auth_time});
        assert_eq!(word(&all, &token(json!(900))), Word::Revoked);
        assert_eq!(word(&all, &token(json!(901))), Word::Stands);
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "jane", "iat": 950})), Word::Stands, "iat in its place");
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "jane", "iat": 900, "auth_time": 999})), Word::Revoked);
    }

    #[test]
    fn a_revocation_is_forgotten_after_its_time_and_costs_nothing_then() {
        let all = Revocations::default();
        all.add((0..1000).map(|number| Revocation {
            subject: SubjectKey::user("i", &number.to_string()),
            until: at(if number < 500 { 1500 } else { 2000 }).as_millis(),
            ..jane(Until::Issued, 900)
        }));
        assert_eq!(all.len(), 1000);
        let token = revocable(&all, &json!({"iss": "i", "sub": "7", "iat": 1}));
        assert_eq!((token.word(NOW), token.word(at(1500))), (Word::Revoked, Word::Stands));
        all.sweep(at(1500));
        assert_eq!(all.len(), 500);
        all.sweep(at(2000));
        assert!(all.is_empty());
    }

    #[test]
    fn what_was_not_confirmed_for_too_long_is_not_known_and_what_is_known_to_have_ended_has() {
        let all = Revocations::default();
        all.believe(at(1000));
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "john", "iat": 1})), Word::Unknown);
        all.add([jane(Until::Issued, 900)]);
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "jane", "iat": 1})), Word::Revoked);
        all.believe(at(1001));
        assert_eq!(word(&all, &json!({"iss": "i", "sub": "john", "iat": 1})), Word::Stands);
        assert_eq!(Revocable::default().word(at(5000)), Word::Stands);
    }
}
