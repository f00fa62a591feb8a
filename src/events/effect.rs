//! Whom an event is about, in the words of tokens and sessions.

use crate::session::Whose;
use mfa_gateway_core::token::{Identifier, IssuerRule, Subject, SubjectKey};

/// What an event ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Whose tokens.
    pub(super) keys: Vec<SubjectKey>,
    /// Whose sessions, for the store to end at once.
    pub(super) sessions: Vec<Whose>,
    /// Whether it names a user of an issuer that the transmitter doesn't speak for.
    pub(super) is_foreign: bool,
}

impl Effect {
    /// Of an event about `subject`, told by somebody who speaks for these issuers, and may name users by their addresses.
    pub(super) fn of(subject: &Subject, of: &[IssuerRule], by_email: bool) -> Self {
        let mut effect = Self::default();
        let issuers: Vec<&str> = of.iter().filter_map(exact).collect();
        let opaque = subject.session.iter().filter_map(|session| match session {
            Identifier::Opaque(id) => Some(id.as_str()),
            _ => None,
        });
        let sessions: Vec<&str> = opaque.collect();
        let mut is_known = false;
        for identifier in &subject.user {
            match identifier {
                Identifier::IssSub { issuer, subject } if of.iter().any(|rule| rule.trusts(issuer)) => {
                    is_known = true;
                    effect.end_user(issuer, subject, &sessions);
                }
                Identifier::IssSub { .. } => effect.is_foreign = true,
                Identifier::Opaque(subject) => {
                    is_known = true;
                    for issuer in &issuers {
                        effect.end_user(issuer, subject, &sessions);
                    }
                }
                // With a session too: an address in a token says little about the session.
                Identifier::Email(address) if by_email => {
                    effect.keys.extend(issuers.iter().map(|issuer| SubjectKey::email(issuer, address)));
                }
                Identifier::Email(_) | Identifier::Unmatched => {}
            }
        }
        // A user whom neither tokens nor sessions name as the event does, by a telephone number for example, has this session.
        if !is_known && !effect.is_foreign {
            effect.end_sessions(&issuers, &sessions);
        }
        effect
    }

    /// Ends sessions, whosever they are.
    fn end_sessions(&mut self, issuers: &[&str], sessions: &[&str]) {
        for (issuer, sid) in issuers.iter().flat_map(|issuer| sessions.iter().map(move |sid| (*issuer, *sid))) {
            self.keys.push(SubjectKey::session(issuer, sid));
            self.sessions.push(Whose::Sid { issuer: issuer.to_owned(), sid: sid.to_owned() });
        }
    }

    /// Ends what a user has, or of one session alone, which may have several names. A token that doesn't say which session
    /// it is of may be of that one.
    fn end_user(&mut self, issuer: &str, subject: &str, sessions: &[&str]) {
        if sessions.is_empty() {
            self.keys.push(SubjectKey::user(issuer, subject));
            self.sessions.push(Whose::Subject { issuer: issuer.to_owned(), subject: subject.to_owned() });
            return;
        }
        self.keys.push(SubjectKey::without_session(issuer, subject));
        for sid in sessions {
            self.keys.push(SubjectKey::session_of(issuer, sid, subject));
            let (issuer, sid, subject) = (issuer.to_owned(), (*sid).to_owned(), subject.to_owned());
            self.sessions.push(Whose::SidAndSubject { issuer, sid, subject });
        }
    }
}

/// The one issuer of a rule. A `sub` of Entra says nothing without its tenant.
fn exact(rule: &IssuerRule) -> Option<&str> {
    match rule {
        IssuerRule::Exact(issuer) => Some(issuer),
        IssuerRule::Entra { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(user: Vec<Identifier>, session: Option<Identifier>) -> Effect {
        Effect::of(&Subject { user, session: session.into_iter().collect() }, &[IssuerRule::of("i")], true)
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn jane() -> Identifier {
        Identifier::IssSub { issuer: text("i"), subject: text("jane") }
    }

    #[test]
    fn a_user_is_named_by_the_issuer_and_sub_or_by_what_the_transmitter_calls_sub() {
        let whole = Effect {
            keys: vec![SubjectKey::user("i", "jane")],
            sessions: vec![Whose::Subject { issuer: text("i"), subject: text("jane") }],
            is_foreign: false,
        };
        assert_eq!(effect(vec![jane()], None), whole);
        assert_eq!(effect(vec![Identifier::Opaque(text("jane"))], None), whole);
        let odd_session = Some(Identifier::Email(text("a@b")));
        assert_eq!(effect(vec![jane()], odd_session), whole, "doubt ends more");
    }

    #[test]
    fn a_session_of_a_user_ends_alone_with_the_tokens_that_may_be_of_it() {
        let session = Some(Identifier::Opaque(text("s1")));
        let of_jane = effect(vec![jane()], session.clone());
        assert_eq!(of_jane.keys, [SubjectKey::without_session("i", "jane"), SubjectKey::session_of("i", "s1", "jane")]);
        let alone = effect(Vec::new(), session);
        assert_eq!(alone.keys, [SubjectKey::session("i", "s1")]);
        assert_eq!(alone.sessions, [Whose::Sid { issuer: text("i"), sid: text("s1") }]);
    }

    #[test]
    fn a_session_ends_whatever_the_event_calls_its_user_and_by_each_of_its_names() {
        let session = vec![Identifier::Opaque(text("s1")), Identifier::Unmatched, Identifier::Opaque(text("s2"))];
        let of = |user, by_email| {
            Effect::of(&Subject { user, session: session.clone() }, &[IssuerRule::of("i")], by_email).keys
        };
        let both = ["s1", "s2"].map(|sid| SubjectKey::session("i", sid));
        assert_eq!(of(vec![Identifier::Unmatched], true), both);
        assert_eq!(of(vec![Identifier::Email(text("a@b"))], false), both);
        let with_address = of(vec![Identifier::Email(text("a@b"))], true);
        assert_eq!(with_address, [&[SubjectKey::email("i", "a@b")][..], &both].concat());
        let of_jane = ["s1", "s2"].map(|sid| SubjectKey::session_of("i", sid, "jane"));
        assert_eq!(
            of(vec![jane(), Identifier::Unmatched], true),
            [&[SubjectKey::without_session("i", "jane")][..], &of_jane].concat()
        );
        let other = Identifier::IssSub { issuer: text("j"), subject: text("jane") };
        assert_eq!(of(vec![Identifier::Unmatched, other], true), [], "of a user of somebody else");
    }

    #[test]
    fn nobody_is_ended_whom_the_transmitter_does_not_speak_for_or_no_token_names() {
        let other = Identifier::IssSub { issuer: text("j"), subject: text("jane") };
        assert_eq!(effect(vec![other], None), Effect { is_foreign: true, ..Effect::default() });
        assert_eq!(effect(vec![Identifier::Unmatched], None), Effect::default());
        assert_eq!(effect(Vec::new(), None), Effect::default());
        let email = Subject { user: vec![Identifier::Email(text("a@b"))], session: Vec::new() };
        assert_eq!(Effect::of(&email, &[IssuerRule::of("i")], false), Effect::default());
        assert_eq!(Effect::of(&email, &[IssuerRule::of("i")], true).keys, [SubjectKey::email("i", "a@b")]);
    }
}
