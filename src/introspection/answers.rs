//! What issuers have said of tokens, for as long as it counts.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Evidence, Proof};
use mfa_gateway_core::token::TokenError;
use moka::sync::Cache;

/// How many tokens are remembered, of those that prove something and of those that don't.
const MOST: u64 = 20_000;

/// How long a token that proves nothing is remembered, at most: it may be valid a moment later.
const REFUSED: Duration = Duration::from_secs(5);

/// What stands for a token.
pub(super) type TokenKey = [u8; 32];

/// What is known of a token.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// What it proves.
    Proven(Arc<Proof>),
    /// It isn't active, or its claims don't fit.
    Refused(TokenError),
    /// The issuer can't be asked, or says nothing that can be understood.
    Unavailable,
}

impl Answer {
    /// The answer as evidence.
    pub(super) fn evidence(&self) -> Evidence {
        match self {
            Self::Proven(proof) => Evidence::Token(Arc::clone(proof)),
            Self::Refused(error) => Evidence::Invalid(*error),
            Self::Unavailable => Evidence::IntrospectionUnavailable,
        }
    }

    /// The word for it in metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Proven(_) => "active",
            Self::Refused(TokenError::Inactive) => "inactive",
            Self::Refused(_) => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What stands for a token: nobody finds two with one.
pub(super) fn key_of(token: &str) -> TokenKey {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    key
}

/// The answers that are remembered. Invented tokens never drive out what was proven.
#[derive(Debug)]
pub(super) struct Answers {
    proven: Cache<TokenKey, (Answer, Timestamp)>,
    refused: Cache<TokenKey, (Answer, Timestamp)>,
    longest: Duration,
}

impl Answers {
    pub(super) fn new(longest: Duration) -> Self {
        let cache = || Cache::builder().max_capacity(MOST).time_to_live(longest.max(REFUSED)).build();
        Self { proven: cache(), refused: cache(), longest }
    }

    /// The answer, if it still counts.
    pub(super) fn get(&self, key: &TokenKey, now: Timestamp) -> Option<Answer> {
        let known = self.proven.get(key).or_else(|| self.refused.get(key));
        known.filter(|(_, until)| now < *until).map(|(answer, _)| answer)
    }

    /// Remembers an answer; one that proves something no longer than the token is valid.
    pub(super) fn put(&self, key: TokenKey, answer: &Answer, now: Timestamp) {
        match answer {
            Answer::Proven(proof) => {
                let until = now.plus(self.longest).min(proof.validity.ends());
                self.proven.insert(key, (answer.clone(), until));
            }
            Answer::Refused(_) => {
                self.proven.invalidate(&key);
                self.refused.insert(key, (answer.clone(), now.plus(self.longest.min(REFUSED))));
            }
            Answer::Unavailable => {}
        }
    }
}
