//! When a token is valid.

use std::time::Duration;

use super::TokenError;
use super::object::Object;
use crate::clock::Timestamp;

/// When a token is valid, with the allowed clock skew, which is applied here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Option<Timestamp>,
    expires: Timestamp,
    clock_skew: Duration,
}

impl Validity {
    /// Reads `exp`, which must be there, and `nbf`.
    pub(super) fn read(payload: &Object, clock_skew: Duration) -> Result<Self, TokenError> {
        let expires = payload.optional_date("exp")?.ok_or(TokenError::ClaimMissing("exp"))?;
        let not_before = payload.optional_date("nbf")?;
        payload.optional_date("iat")?;
        Ok(Self { not_before, expires, clock_skew })
    }

    /// Checks the time: `exp` is the first moment that is too late (RFC 7519 section 4.1.4), `nbf` the first that is
    /// not too early.
    pub fn check(&self, now: Timestamp) -> Result<(), TokenError> {
        if now >= self.ends() {
            return Err(TokenError::Expired);
        }
        match self.not_before {
            Some(not_before) if now.plus(self.clock_skew) < not_before => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// `exp`, as the token has it.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The first moment that is too late, with the clock skew.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.expires.plus(self.clock_skew)
    }

    /// Valid until a moment, to the millisecond: of a session.
    #[must_use]
    pub fn until(expires: Timestamp) -> Self {
        Self { not_before: None, expires, clock_skew: Duration::ZERO }
    }

    /// Valid at any time: of a token that was judged before, and is only spoken of.
    #[must_use]
    pub fn always() -> Self {
        Self { not_before: None, expires: Timestamp::from_secs(i64::MAX), clock_skew: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn time_has_a_first_and_a_last_moment_and_the_skew_counts_once() {
        let skew = Duration::from_secs(60);
        let validity = Validity::read(&Object::of(&json!({"nbf": 1000, "exp": 2000})), skew).unwrap();
        let at = |secs| validity.check(Timestamp::from_secs(secs));
        assert_eq!(at(939), Err(TokenError::NotYetValid));
        assert_eq!(at(940), Ok(()));
        assert_eq!(at(2059), Ok(()));
        assert_eq!(at(2060), Err(TokenError::Expired));
    }

    #[test]
    fn a_date_beyond_every_calendar_is_just_very_late() {
        for huge in [json!(1e300), json!(u64::MAX), json!(i64::MAX), json!(253_402_300_800_i64)] {
            let far =
                Validity::read(&Object::of(&json!({"nbf": -1e300, "exp": huge})), Duration::from_secs(60)).unwrap();
            assert_eq!(far.check(Timestamp::from_secs(1_790_000_000)), Ok(()), "{huge}");
            let never =
                Validity::read(&Object::of(&json!({"nbf": huge, "exp": huge})), Duration::from_secs(60)).unwrap();
            assert_eq!(never.check(Timestamp::from_secs(1_790_000_000)), Err(TokenError::NotYetValid), "{huge}");
        }
    }

    #[test]
    fn times_of_another_type_are_malformed_and_never_absent() {
        for claims in [json!({"exp": "2000"}), json!({"exp": 2000, "nbf": "0"}), json!({"exp": 2000, "iat": null})] {
            assert!(matches!(Validity::read(&Object::of(&claims), Duration::ZERO), Err(TokenError::ClaimMalformed(_))));
        }
        assert_eq!(Validity::read(&Object::of(&json!({})), Duration::ZERO), Err(TokenError::ClaimMissing("exp")));
    }
}
