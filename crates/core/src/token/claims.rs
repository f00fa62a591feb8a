//! The claims of a verified token.

use super::object::Object;
use super::verify::Validity;
use super::{Amr, Claim, TokenError};
use crate::clock::Timestamp;

/// The claims of a token whose signature, issuer, audience and time were checked. [`super::Unverified::verify`] is the
/// only way to them.
#[derive(Debug)]
pub struct Claims {
    object: Object,
    validity: Validity,
}

impl Claims {
    pub(super) fn new(object: Object, validity: Validity) -> Self {
        Self { object, validity }
    }

    /// When the token is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The claim, whatever its type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Claim<'_>> {
        self.object.get(name)
    }

    /// The names of all claims.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.object.names()
    }

    /// The claim that a path of names leads to.
    #[must_use]
    pub fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<Claim<'_>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.object.get(first.as_ref())?, |claim, name| claim.get(name.as_ref()))
    }

    /// The claim, if it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.object.get(name).and_then(Claim::as_str)
    }

    /// How the user authenticated.
    #[must_use]
    pub fn amr(&self) -> Amr {
        Amr::read(self.get("amr"))
    }

    /// When the user authenticated (`auth_time`); `iat` won't do, since a refreshed token gets a new one.
    #[must_use]
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.get("auth_time").and_then(numeric_date)
    }

    /// Whether the client handles claims challenges: `xms_cc` holds `cp1`, in any letter case.
    #[must_use]
    pub fn handles_claims_challenge(&self) -> bool {
        let is_cp1 = |value: &str| value.eq_ignore_ascii_case("cp1");
        self.get("xms_cc").is_some_and(|claim| match claim.as_str() {
            Some(one) => is_cp1(one),
            None => claim.strings().is_some_and(|list| list.into_iter().any(is_cp1)),
        })
    }
}

/// Reads a `NumericDate` (RFC 7519 section 2): seconds since the epoch, fractions allowed.
pub(super) fn numeric_date(claim: Claim<'_>) -> Option<Timestamp> {
    let Claim::Other(value) = claim else { return None };
    if let Some(seconds) = value.as_i64() {
        return Some(Timestamp::from_secs(seconds));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and a date past the calendar is just very late"
    )]
    value.as_f64().map(|seconds| Timestamp::from_millis((seconds * 1000.0) as i64))
}

/// The claim, which may be absent, but not of another type.
pub(super) fn optional_text<'o>(object: &'o Object, name: &'static str) -> Result<Option<&'o str>, TokenError> {
    object.get(name).map(|claim| claim.as_str().ok_or(TokenError::ClaimMalformed(name))).transpose()
}

/// The date, which may be absent, but not of another type.
pub(super) fn optional_date(object: &Object, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
    object.get(name).map(|claim| numeric_date(claim).ok_or(TokenError::ClaimMalformed(name))).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn dates_may_be_fractions_and_never_overflow() {
        let date = |value: Value| numeric_date(Claim::from(&value));
        assert_eq!(date(json!(1.5)), Some(Timestamp::from_millis(1500)));
        assert_eq!(date(json!(u64::MAX)), Some(Timestamp::from_millis(i64::MAX)));
        assert_eq!(date(json!(-1e300)), Some(Timestamp::from_millis(i64::MIN)));
        for odd in [json!("1"), json!(null), json!([1]), json!(true)] {
            assert_eq!(date(odd), None);
        }
    }
}
