//! What stands for the subject of a token or of a security event, whichever names it: equal subjects have equal keys.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Claims;

/// The length of a key in bytes.
const LENGTH: usize = 16;

/// The key of a subject: the first half of a digest of what names it, so that keys have one length, in memory and in a
/// store, and say nothing about anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectKey([u8; LENGTH]);

impl SubjectKey {
    /// A user: `sub` at the issuer.
    #[must_use]
    pub fn user(issuer: &str, subject: &str) -> Self {
        Self::of(&["user", issuer, subject])
    }

    /// A session of the issuer (`sid`), whosever it is.
    #[must_use]
    pub fn session(issuer: &str, session: &str) -> Self {
        Self::of(&["session", issuer, session])
    }

    /// A session of the issuer, if it is this user's.
    #[must_use]
    pub fn session_of(issuer: &str, session: &str, subject: &str) -> Self {
        Self::of(&["session of", issuer, session, subject])
    }

    /// A user's tokens that don't say which session they are of: they may be of any.
    #[must_use]
    pub fn without_session(issuer: &str, subject: &str) -> Self {
        Self::of(&["without session", issuer, subject])
    }

    /// An address of electronic mail at the issuer, in any letter case.
    #[must_use]
    pub fn email(issuer: &str, address: &str) -> Self {
        Self::of(&["email", issuer, &address.to_lowercase()])
    }

    /// All by which a security event may name the subject of these claims. `email` is the claim that holds an address.
    #[must_use]
    pub fn all_of(claims: &Claims, email: Option<&str>) -> Vec<Self> {
        let text = |name| claims.text(name).filter(|text| !text.is_empty());
        let Some(issuer) = text("iss") else { return Vec::new() };
        let (subject, session) = (text("sub"), text("sid"));
        let mut keys = Vec::with_capacity(4);
        keys.extend(subject.map(|subject| Self::user(issuer, subject)));
        keys.extend(session.map(|session| Self::session(issuer, session)));
        if let Some(subject) = subject {
            keys.push(match session {
                Some(session) => Self::session_of(issuer, session, subject),
                None => Self::without_session(issuer, subject),
            });
        }
        keys.extend(email.and_then(text).map(|address| Self::email(issuer, address)));
        keys
    }

    fn of(parts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            // Lengths, so that no two lists of parts have one text.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; LENGTH];
        for (byte, of_digest) in key.iter_mut().zip(context.finish().as_ref()) {
            *byte = *of_digest;
        }
        Self(key)
    }

    /// The part of a table that it belongs to, of so many.
    #[must_use]
    pub fn part(self, parts: usize) -> usize {
        usize::from(self.0[0]) % parts.max(1)
    }

    /// It as a text.
    #[must_use]
    pub fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The key that a text is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_stands_for_one_subject_and_no_parts_run_into_each_other() {
        let keys = [
            SubjectKey::user("i", "s"),
            SubjectKey::user("is", ""),
            SubjectKey::user("", "is"),
            SubjectKey::session("i", "s"),
            SubjectKey::session_of("i", "s", ""),
            SubjectKey::without_session("i", "s"),
            SubjectKey::email("i", "s"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| other != key), "{at}");
            assert_eq!(SubjectKey::parse(&key.text()), Some(*key));
        }
        assert_eq!(SubjectKey::parse("AAAA"), None);
        assert_eq!(SubjectKey::email("i", "Jane@Example.COM"), SubjectKey::email("i", "jane@example.com"));
    }

    #[test]
    fn a_token_is_known_by_its_user_its_session_and_its_address() {
        let keys = |claims| SubjectKey::all_of(&Claims::of(&claims), Some("mail"));
        let all = keys(json!({"iss": "i", "sub": "s", "sid": "x", "mail": "a@b"}));
        let expected = [
            SubjectKey::user("i", "s"),
            SubjectKey::session("i", "x"),
            SubjectKey::session_of("i", "x", "s"),
            SubjectKey::email("i", "a@b"),
        ];
        assert_eq!(all, expected);
        let of_user = [SubjectKey::user("i", "s"), SubjectKey::without_session("i", "s")];
        assert_eq!(keys(json!({"iss": "i", "sub": "s", "sid": "", "mail": 7})), of_user);
        assert_eq!(keys(json!({"sub": "s"})), []);
    }
}
