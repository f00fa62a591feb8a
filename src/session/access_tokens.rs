//! The access tokens of sessions whose upstreams want them: read from the store once, and not for each request.

use std::time::Duration;

use foldhash::quality::RandomState;
use http::HeaderValue;
use mfa_gateway_core::clock::Timestamp;
use moka::sync::Cache;

use super::id::SessionId;
use super::record::Record;

/// How much memory they may take.
const BYTES: u64 = 8 * 1024 * 1024;

/// What an entry takes beyond its token, about.
const OVERHEAD: usize = 320;

/// How long one is kept in memory: a session that isn't used any more leaves none for long.
const MAX_KEPT: Duration = Duration::from_secs(600);

/// Access tokens as `Authorization` presents them. A refresh makes a session's next generation, whose token is another.
#[derive(Debug)]
pub(super) struct AccessTokens(Cache<(SessionId, u32), Kept, RandomState>);

#[derive(Clone, Debug)]
struct Kept {
    value: HeaderValue,
    until: Timestamp,
}

impl Default for AccessTokens {
    fn default() -> Self {
        let cache = Cache::<_, Kept>::builder()
            .max_capacity(BYTES)
            .weigher(|_, kept| u32::try_from(kept.value.len() + OVERHEAD).unwrap_or(u32::MAX))
            .time_to_live(MAX_KEPT);
        Self(cache.build_with_hasher(RandomState::default()))
    }
}

impl AccessTokens {
    /// The token of a session's generation, unless it has expired.
    pub(super) fn get(&self, record: &Record, now: Timestamp) -> Option<HeaderValue> {
        self.0.get(&key(record)).filter(|kept| now < kept.until).map(|kept| kept.value)
    }

    /// Keeps a token as long as it and the session last.
    pub(super) fn keep(&self, record: &Record, value: &HeaderValue, expires: Timestamp) {
        let kept = Kept { value: value.clone(), until: expires.min(record.expires()) };
        self.0.insert(key(record), kept);
    }

    /// Forgets the token of a session that has ended.
    pub(super) fn forget(&self, record: &Record) {
        self.0.invalidate(&key(record));
    }
}

fn key(record: &Record) -> (SessionId, u32) {
    (record.id, record.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(generation: u32) -> Record {
        Record {
            id: SessionId::random().unwrap(),
            created: 0,
            expires: 60_000,
            made: 0,
            generation,
            vocabulary: 0,
            claims: "{}".to_owned(),
            refresh_at: None,
            tried: None,
            stepped_up: None,
            is_stub: false,
            tenant: None,
            hops: 0,
        }
    }

    #[test]
    fn a_token_is_kept_until_it_or_its_session_expires() {
        let (tokens, one, at) = (AccessTokens::default(), record(0), Timestamp::from_millis);
        let value = HeaderValue::from_static("Bearer one");
        assert_eq!(tokens.get(&one, at(1)), None);
        tokens.keep(&one, &value, at(30_000));
        assert_eq!(tokens.get(&one, at(29_999)), Some(value.clone()));
        assert_eq!(tokens.get(&one, at(30_000)), None);
        tokens.keep(&one, &value, at(90_000));
        assert_eq!(tokens.get(&one, at(59_999)), Some(value.clone()));
        assert_eq!(tokens.get(&one, at(60_000)), None);
        tokens.forget(&one);
        assert_eq!(tokens.get(&one, at(1)), None);
    }

    #[test]
    fn another_session_and_another_generation_have_tokens_of_their_own() {
        let (tokens, one, now) = (AccessTokens::default(), record(1), Timestamp::from_millis(1));
        tokens.keep(&one, &HeaderValue::from_static("Bearer one"), Timestamp::from_millis(2));
        assert_eq!(tokens.get(&Record { generation: 2, ..one.clone() }, now), None);
        assert_eq!(tokens.get(&record(1), now), None);
    }
}
