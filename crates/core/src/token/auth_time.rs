//! The `auth_time` claim: when the user authenticated (OpenID Connect Core section 2).

use super::Claim;
use crate::clock::Timestamp;

/// When the user authenticated. `iat` won't do, since a refreshed token gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthTime {
    /// There is no such claim.
    Absent,
    /// The claim has another form than the issuer's.
    Malformed,
    /// At this time.
    At(Timestamp),
}

/// How an issuer writes times of sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthTimeForm {
    /// A number of seconds since the epoch, as the specification has it.
    #[default]
    Seconds,
    /// A text as RFC 3339 in UTC, as AD FS writes it.
    Rfc3339,
}

impl AuthTime {
    /// Reads the claim.
    #[must_use]
    pub fn read(claim: Option<Claim<'_>>, form: AuthTimeForm) -> Self {
        let Some(claim) = claim else { return Self::Absent };
        let time = match form {
            AuthTimeForm::Seconds => claim.date(),
            AuthTimeForm::Rfc3339 => claim.as_str().and_then(Timestamp::parse),
        };
        time.map_or(Self::Malformed, Self::At)
    }

    /// Another time in the place of the one that is known.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Timestamp) -> Timestamp) -> Self {
        match self {
            Self::At(time) => Self::At(change(time)),
            unknown => unknown,
        }
    }

    /// The time, if it is known.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::Absent | Self::Malformed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_time_has_the_form_that_the_issuer_writes_and_another_one_is_not_absent() {
        let read = |value: Value, form| AuthTime::read(Some((&value).into()), form);
        let at = AuthTime::At(Timestamp::from_millis(1_795_860_000_546));
        assert_eq!(read(json!(1_795_860_000.546), AuthTimeForm::Seconds), at);
        assert_eq!(read(json!("2026-11-28T10:00:00.546Z"), AuthTimeForm::Rfc3339), at);
        assert_eq!(AuthTime::read(None, AuthTimeForm::Rfc3339), AuthTime::Absent);
        let odd = [json!("2026-11-28T10:00:00.546Z"), json!("1795860000"), json!(null), json!([1]), json!(true)];
        assert!(odd.into_iter().all(|odd| read(odd, AuthTimeForm::Seconds) == AuthTime::Malformed));
        let odd =
            [json!(1_795_860_000), json!("2026-11-28"), json!("2026-11-28T10:00:00+01:00"), json!(""), json!(null)];
        assert!(odd.into_iter().all(|odd| read(odd, AuthTimeForm::Rfc3339) == AuthTime::Malformed));
    }
}
